// SPDX-License-Identifier: Apache-2.0

/// Cuts a byte stream into packets, wherever the network cut it into pieces.
///
/// A packet that lies whole in one piece is handed over in place. One that straddles pieces is copied once, into the
/// carry: a block of the size of what has *arrived*, never of what a header announces, at most one packet, and given
/// back when it is empty. Invariant: `carried` is below the size of the packet it begins.
///
/// ```swift
/// var rest = piece
/// while true {
///     switch reassembler.next(&rest, framing: framing, pool: &pool) {
///     case .packet(let packet, let type): handle(type, packet)
///     case .incomplete: return
///     case .malformed: return close()
///     }
/// }
/// ```
public struct Reassembler {
    /// What the next bytes of a stream are.
    public enum Piece {
        /// A whole packet, header included. Its bytes may be read until the next call.
        case packet(UnsafeRawBufferPointer, type: PacketType)
        /// No whole packet is left; what was begun has been put by.
        case incomplete
        /// A size below the header's or above the maximum. The stream cannot be read any further.
        case malformed
    }

    private var base: UnsafeMutableRawPointer?
    private var count: UInt32 = 0
    private var capacity: UInt32 = 0

    /// An empty carry.
    public init() {}

    /// Bytes of a packet that has begun and not ended.
    public var carried: Int { Int(count) }

    /// Takes the next packet off the front of `input`.
    ///
    /// - Parameters:
    ///   - input: what has arrived; advanced past what was used.
    ///   - pool: where the carry comes from; the same one in every call.
    @inlinable @inline(__always)
    public mutating func next(
        _ input: inout UnsafeRawBufferPointer, framing: borrowing Framing, pool: inout BlockPool
    ) -> Piece {
        guard !hasCarry else { return nextStraddling(&input, framing: framing, pool: &pool) }
        switch framing.header(input) {
        case .malformed: return .malformed
        case .packet(let size, let type) where size <= input.count:
            let packet = UnsafeRawBufferPointer(start: input.baseAddress, count: size)
            input = UnsafeRawBufferPointer(start: input.baseAddress.map { $0 + size }, count: input.count &- size)
            return .packet(packet, type: type)
        default:
            if !input.isEmpty { putBy(&input, upTo: input.count, pool: &pool) }
            return .incomplete
        }
    }

    /// Gives the carry back. Called when the stream ends.
    public mutating func release(to pool: inout BlockPool) {
        guard let base else { return }
        pool.giveBack(UnsafeMutableRawBufferPointer(start: base, count: Int(capacity)))
        self.base = nil
        count = 0
        capacity = 0
    }

    @usableFromInline
    var hasCarry: Bool { base != nil }

    @usableFromInline
    mutating func nextStraddling(
        _ input: inout UnsafeRawBufferPointer, framing: borrowing Framing, pool: inout BlockPool
    ) -> Piece {
        guard count > 0 else {
            // The packet that lay in the carry has been handled; the rest of the stream is read in place again.
            release(to: &pool)
            return next(&input, framing: framing, pool: &pool)
        }
        if carried < framing.headerSize {
            putBy(&input, upTo: framing.headerSize &- carried, pool: &pool)
        }
        switch framing.header(UnsafeRawBufferPointer(start: base, count: carried)) {
        case .malformed: return .malformed
        case .incomplete: return .incomplete
        case .packet(let size, let type):
            putBy(&input, upTo: size &- carried, pool: &pool)
            guard carried == size else { return .incomplete }
            count = 0
            return .packet(UnsafeRawBufferPointer(start: base, count: size), type: type)
        }
    }

    @usableFromInline
    mutating func putBy(_ input: inout UnsafeRawBufferPointer, upTo limit: Int, pool: inout BlockPool) {
        let taken = min(limit, input.count)
        guard taken > 0, let source = input.baseAddress else { return }
        makeRoom(for: carried &+ taken, pool: &pool)
        guard let base else { return }
        (base + carried).copyMemory(from: source, byteCount: taken)
        count = UInt32(truncatingIfNeeded: carried &+ taken)
        input = UnsafeRawBufferPointer(start: source + taken, count: input.count &- taken)
    }

    private mutating func makeRoom(for needed: Int, pool: inout BlockPool) {
        guard needed > Int(capacity) else { return }
        let block = pool.take(atLeast: needed)
        if let base, let fresh = block.baseAddress {
            fresh.copyMemory(from: base, byteCount: carried)
            pool.giveBack(UnsafeMutableRawBufferPointer(start: base, count: Int(capacity)))
        }
        base = block.baseAddress
        capacity = UInt32(truncatingIfNeeded: block.count)
    }
}
