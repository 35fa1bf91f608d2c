// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// Framing and reassembly: a stream gives the same packets wherever it is cut, and as an independent reading of it.
///
/// An input is three bytes that choose the header, one that chooses the cuts, and the stream.
enum FramingTarget {
    static func run(_ script: consuming ByteScript) {
        var script = script
        let framing = framing(&script)
        let cuts = script.number()
        let stream = script.take(65_536)
        let oracle = PacketOracle(framing)
        var (starts, sizes, types, isMalformed) = ([Int](), [Int](), [UInt16](), false)
        var offset = 0
        while case .packet(let size, let type) = oracle.head(stream, at: offset), size <= stream.count - offset {
            starts.append(offset)
            sizes.append(size)
            types.append(type)
            offset += size
        }
        isMalformed = oracle.head(stream, at: offset) == .malformed
        var reading = Reading(framing: framing, stream: stream, cuts: cuts)
        reading.run()
        promise(reading.isMalformed == isMalformed, "malformed where the stream is, and nowhere else")
        promise(reading.types == types && reading.sizes == sizes, "the packets of the stream")
        for (index, start) in starts.enumerated() {
            let bytes = Array(stream[start..<start + sizes[index]])
            promise(reading.packets[index] == bytes, "packet \(index) as it was sent")
            PacketChecks.run(types[index], Array(bytes[oracle.headerBytes...]), framing)
        }
        boundaries(framing, Array(stream[..<offset]), sizes, cuts)
    }

    private static func framing(_ script: inout ByteScript) -> Framing {
        let shape = script.number()
        let limit = script.number() | script.number() << 8
        let widths: [Framing.Width] = [.two, .one, .four, .two]
        return Framing(
            sizeWidth: widths[shape & 3], typeWidth: widths[shape >> 2 & 3],
            byteOrder: shape & 16 == 0 ? .littleEndian : .bigEndian, sizeIncludesHeader: shape & 32 == 0,
            maximumPacketSize: shape & 64 == 0 ? 16_384 : limit * (shape & 128 == 0 ? 1 : 256))
    }

    /// Where outgoing bytes are cut.
    private static func boundaries(_ framing: Framing, _ packets: [UInt8], _ sizes: [Int], _ seed: Int) {
        guard !packets.isEmpty else { return }
        let offset = seed * 7_919 % (packets.count + 1)
        var (before, after) = (0, 0)
        for size in sizes {
            if after < offset { after += size }
            if before + size <= offset { before += size } else { break }
        }
        packets.withUnsafeBytes { bytes in
            promise(framing.boundary(in: bytes, from: offset) == after, "the end of the packet at \(offset)")
            promise(framing.lastBoundary(in: bytes, upTo: offset) == before, "the last end up to \(offset)")
            // A packet whose end is not there.
            guard let last = sizes.last, last > 1 else { return }
            let cut = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count - 1)])
            promise(framing.boundary(in: cut, from: cut.count) == cut.count, "never beyond the memory")
        }
    }
}

/// A stream fed to a reassembler in pieces, each in memory of its own that is gone after it.
private struct Reading {
    let framing: Framing
    let stream: [UInt8]
    var dice: Int
    var reassembler = Reassembler()
    var packets: [[UInt8]] = []
    var types: [UInt16] = []
    var sizes: [Int] = []
    var isMalformed = false
    var arrived = 0
    var used = 0
    /// Memory that somebody else has of the pool.
    var aside = 0

    init(framing: Framing, stream: [UInt8], cuts: Int) {
        self.framing = framing
        self.stream = stream
        dice = cuts
    }

    mutating func run() {
        var pool = BlockPool(idleLimit: dice & 64 == 0 ? 1 << 20 : 128)
        let other = pool.take(atLeast: dice * 512)
        promise(other.count >= dice * 512 && pool.bytesInUse == other.count, "as much as was asked for")
        aside = other.count
        let longest = [1, 3, 17, 300, 5_000, 70_000, 2, 64][dice & 7]
        while arrived < stream.count, !isMalformed {
            dice = (dice * 1_103_515_245 + 12_345) & 0x7FFF_FFFF
            let end = min(stream.count, arrived + 1 + (dice >> 8) % longest)
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: end - arrived, alignment: 1)
            piece.copyBytes(from: stream[arrived..<end])
            arrived = end
            feed(UnsafeRawBufferPointer(piece), &pool)
            piece.deallocate()
        }
        if !isMalformed { feed(UnsafeRawBufferPointer(start: nil, count: 0), &pool) }
        reassembler.release(to: &pool)
        pool.giveBack(other)
        promise(pool.bytesInUse == 0 && reassembler.carried == 0, "all memory is given back")
    }

    private mutating func feed(_ piece: UnsafeRawBufferPointer, _ pool: inout BlockPool) {
        var rest = piece
        while true {
            switch reassembler.next(&rest, framing: framing, pool: &pool) {
            case .packet(let bytes, let type):
                packets.append(Array(bytes))
                types.append(type.rawValue)
                sizes.append(bytes.count)
                used += bytes.count
            case .incomplete:
                promise(rest.isEmpty, "what is left is put by")
                promise(reassembler.carried == arrived - used, "no byte is lost")
                let kept = max(64, 4 * reassembler.carried)
                promise(
                    pool.bytesInUse - aside <= kept + 4_096, "memory for what has arrived, not for what is announced")
                return
            case .malformed:
                isMalformed = true
                return
            }
        }
    }
}
