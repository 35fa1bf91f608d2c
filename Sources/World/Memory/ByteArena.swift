// SPDX-License-Identifier: Apache-2.0

internal import Platform
internal import Wire

/// Bytes of an arena, as an offset: an arena may move while it is written.
public struct ByteRange: Hashable, Sendable, BitwiseCopyable {
    /// Where they start.
    public let offset: UInt32
    /// How many there are.
    public let count: UInt32
}

/// Bytes one after another in memory that is kept from tick to tick.
///
/// While it is written it may move; whoever hands out addresses stops writing first.
struct ByteArena: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0
    private let framing = Framing(maximumPacketSize: Framing.largestStandardPacket)

    init(capacity: Int = 4_096) {
        self.capacity = max(capacity, 64)
        base = IOMemory.allocate(byteCount: self.capacity, alignment: 64)
    }

    deinit { IOMemory.deallocate(base, byteCount: capacity) }

    /// All bytes; valid until the next change.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// The bytes of `range`, which may come from another arena by mistake and must not lead outside.
    func slice(_ range: ByteRange) -> UnsafeRawBufferPointer {
        let end = Int(range.offset) + Int(range.count)
        precondition(end <= count, "outside of the arena")
        return UnsafeRawBufferPointer(start: base + Int(range.offset), count: Int(range.count))
    }

    /// What has been written since the arena held `start` bytes.
    func range(from start: Int) -> ByteRange {
        ByteRange(offset: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: count - start))
    }

    mutating func removeAll() {
        count = 0
        // Where misuse is looked for, what somebody still sends must not be there any more.
        guard !IOMemory.isReused else { return }
        IOMemory.deallocate(base, byteCount: capacity)
        base = IOMemory.allocate(byteCount: capacity, alignment: 64)
    }

    mutating func append(_ source: RawSpan) -> ByteRange {
        let start = count
        makeRoom(for: source.byteCount)
        let target = base + count
        source.withUnsafeBytes { bytes in
            if let from = bytes.baseAddress { target.copyMemory(from: from, byteCount: bytes.count) }
        }
        count += source.byteCount
        return range(from: start)
    }

    /// Writes over what is there.
    mutating func overwrite(at offset: Int, with bytes: UnsafeRawBufferPointer) {
        precondition(offset >= 0 && offset + bytes.count <= count, "outside of the arena")
        if let from = bytes.baseAddress { (base + offset).copyMemory(from: from, byteCount: bytes.count) }
    }

    /// Writes a whole packet, header included.
    mutating func append<P: Packet>(_ packet: P) {
        let limit = framing.headerSize + P.bodySize.upperBound
        makeRoom(for: limit)
        let room = UnsafeMutableRawBufferPointer(start: base + count, count: limit)
        guard let size = framing.encode(packet, into: room) else {
            preconditionFailure("a packet of the world that does not fit its own bounds")
        }
        count += size
    }

    private mutating func makeRoom(for bytes: Int) {
        guard count + bytes > capacity else { return }
        var larger = capacity * 2
        while larger < count + bytes { larger *= 2 }
        precondition(larger <= Int(UInt32.max), "an arena of 4 GiB")
        let fresh = IOMemory.allocate(byteCount: larger, alignment: 64)
        fresh.copyMemory(from: base, byteCount: count)
        IOMemory.deallocate(base, byteCount: capacity)
        base = fresh
        capacity = larger
    }
}
