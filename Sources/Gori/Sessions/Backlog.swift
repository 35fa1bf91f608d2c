// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// What a session's socket did not take: bytes in order, copied into chunks of the worker's pool.
///
/// A packet never straddles two chunks, so every chunk but the first begins with a packet, and the first does unless
/// `begunBytes` says that so many bytes belong to one that the peer has half received. At most one chunk, the first,
/// is in flight.
struct Backlog {
    private struct Chunk {
        var next: UnsafeMutablePointer<Chunk>?
        var start: Int
        var end: Int
        var capacity: Int
        var bytes: UnsafeMutableRawPointer { UnsafeMutableRawPointer(mutating: base) + Backlog.headerSize }
        var base: UnsafeRawPointer
    }

    private static let headerSize = 64
    private var first: UnsafeMutablePointer<Chunk>?
    private var last: UnsafeMutablePointer<Chunk>?
    /// Bytes of all chunks.
    private(set) var byteCount = 0
    /// Bytes at the front that finish a packet which the peer has received in part: less than a packet.
    private(set) var begunBytes: UInt32 = 0
    /// Whether the first chunk belongs to the kernel.
    private(set) var isInFlight = false

    var isEmpty: Bool { first == nil }

    /// Room for `count` bytes at the end; what is written there counts after `commit`.
    mutating func reserve(_ count: Int, pool: inout BlockPool) -> UnsafeMutableRawBufferPointer {
        if let last, last.pointee.capacity &- last.pointee.end >= count, !(isInFlight && last == first) {
            return UnsafeMutableRawBufferPointer(start: last.pointee.bytes + last.pointee.end, count: count)
        }
        let chunk = Self.makeChunk(count, preferred: first == nil ? 4_096 : 16_384, pool: &pool)
        if let last { last.pointee.next = chunk } else { first = chunk }
        last = chunk
        return UnsafeMutableRawBufferPointer(start: chunk.pointee.bytes, count: count)
    }

    /// Counts `count` bytes written to the memory of the last `reserve`; 0 takes the reservation back.
    mutating func commit(_ count: Int, pool: inout BlockPool) {
        guard let last else { return }
        last.pointee.end &+= count
        byteCount &+= count
        if last.pointee.start == last.pointee.end { dropEmptyTail(pool: &pool) }
    }

    /// Appends a copy of `bytes`, which are whole packets or a stream without packets.
    mutating func append(_ bytes: UnsafeRawBufferPointer, pool: inout BlockPool) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count, pool: &pool).baseAddress?.copyMemory(from: source, byteCount: bytes.count)
        commit(bytes.count, pool: &pool)
    }

    /// Puts the chunks of `rest`, which the peer gets first, in front.
    mutating func prepend(_ rest: consuming Backlog, begunBytes: Int) {
        precondition(!isInFlight, "nothing is put before what is in flight")
        guard let restLast = rest.last else { return }
        restLast.pointee.next = first
        first = rest.first
        if last == nil { last = restLast }
        byteCount &+= rest.byteCount
        self.begunBytes = UInt32(clamping: begunBytes)
    }

    /// Takes the first chunk's bytes for a tracked send.
    mutating func beginSend() -> UnsafeRawBufferPointer {
        guard let first else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        isInFlight = true
        let count = first.pointee.end &- first.pointee.start
        return UnsafeRawBufferPointer(start: first.pointee.bytes + first.pointee.start, count: count)
    }

    /// The tracked send is done: its chunk is free.
    mutating func endSend(pool: inout BlockPool) {
        isInFlight = false
        begunBytes = 0
        dropFirst(pool: &pool)
    }

    /// Drops whole packets that have not begun; what is in flight or begun stays (rule M3).
    mutating func dropUnbegun(pool: inout BlockPool) {
        guard let first else { return }
        if isInFlight {
            while let second = first.pointee.next {
                first.pointee.next = second.pointee.next
                release(second, pool: &pool)
            }
            last = first
            return
        }
        let kept = min(Int(begunBytes), first.pointee.end &- first.pointee.start)
        guard kept > 0 else { return releaseAll(pool: &pool) }
        byteCount &-= first.pointee.end &- first.pointee.start &- kept
        first.pointee.end = first.pointee.start &+ kept
        while let second = first.pointee.next {
            first.pointee.next = second.pointee.next
            release(second, pool: &pool)
        }
        last = first
    }

    /// The bytes of the first chunk, for input that is read later instead of output that is sent.
    var firstChunk: UnsafeRawBufferPointer {
        guard let first else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let count = first.pointee.end &- first.pointee.start
        return UnsafeRawBufferPointer(start: first.pointee.bytes + first.pointee.start, count: count)
    }

    /// Gives everything back. Nothing may be in flight.
    mutating func releaseAll(pool: inout BlockPool) {
        while first != nil { dropFirst(pool: &pool) }
        byteCount = 0
        begunBytes = 0
        isInFlight = false
    }

    /// Gives everything back but what is in flight.
    ///
    /// - Returns: the block of the chunk that is, which is the caller's from now on; nil: nothing is.
    mutating func abandon(pool: inout BlockPool) -> UnsafeMutableRawBufferPointer? {
        guard isInFlight, let chunk = first else {
            releaseAll(pool: &pool)
            return nil
        }
        first = chunk.pointee.next
        releaseAll(pool: &pool)
        return block(of: chunk)
    }

    mutating func dropFirst(pool: inout BlockPool) {
        guard let chunk = first else { return }
        first = chunk.pointee.next
        if first == nil { last = nil }
        release(chunk, pool: &pool)
    }

    private mutating func dropEmptyTail(pool: inout BlockPool) {
        guard let empty = last else { return }
        if first == empty {
            first = nil
            last = nil
        } else {
            var before = first
            while let chunk = before, chunk.pointee.next != empty { before = chunk.pointee.next }
            before?.pointee.next = nil
            last = before
        }
        release(empty, pool: &pool)
    }

    private mutating func release(_ chunk: UnsafeMutablePointer<Chunk>, pool: inout BlockPool) {
        byteCount &-= chunk.pointee.end &- chunk.pointee.start
        pool.giveBack(block(of: chunk))
    }

    private func block(of chunk: UnsafeMutablePointer<Chunk>) -> UnsafeMutableRawBufferPointer {
        let size = chunk.pointee.capacity &+ Self.headerSize
        return UnsafeMutableRawBufferPointer(start: UnsafeMutableRawPointer(chunk), count: size)
    }

    private static func makeChunk(
        _ count: Int, preferred: Int, pool: inout BlockPool
    ) -> UnsafeMutablePointer<Chunk> {
        let block = pool.take(atLeast: max(count &+ headerSize, preferred))
        guard let base = block.baseAddress else { preconditionFailure("a block has memory") }
        let chunk = base.bindMemory(to: Chunk.self, capacity: 1)
        chunk.initialize(
            to: Chunk(next: nil, start: 0, end: 0, capacity: block.count &- headerSize, base: UnsafeRawPointer(base)))
        return chunk
    }
}
