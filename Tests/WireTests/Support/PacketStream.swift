// SPDX-License-Identifier: Apache-2.0

import Glibc
import Wire

/// A byte stream of whole packets, and where each of them lies in it.
struct PacketStream {
    let framing: Framing
    private(set) var bytes: [UInt8] = []
    /// Where each packet begins, and where the last one ends.
    private(set) var starts: [Int] = [0]
    private(set) var types: [PacketType] = []

    var count: Int { types.count }

    /// Random packets of random types, with bodies of random sizes.
    init(_ framing: Framing = Framing(), count: Int, bodies: ClosedRange<Int>, seed: UInt64) {
        self.framing = framing
        var dice = Dice(seed: seed)
        for _ in 0..<count {
            let type = PacketType(rawValue: UInt16(dice.below(framing.typeWidth == .one ? 256 : 65_536)))
            append(type, body: dice.bytes(dice.within(bodies)))
        }
    }

    mutating func append(_ type: PacketType, body: [UInt8]) {
        var header = [UInt8](repeating: 0, count: framing.headerSize)
        header.withUnsafeMutableBytes {
            framing.writeHeader(size: framing.headerSize + body.count, type: type, to: $0)
        }
        bytes += header + body
        starts.append(bytes.count)
        types.append(type)
    }

    /// The packet that holds a byte.
    func packet(at offset: Int) -> Int {
        var low = 0
        var high = count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if starts[middle] <= offset { low = middle } else { high = middle - 1 }
        }
        return low
    }
}

/// A reassembler with its pool, fed with pieces of a stream and compared with it packet by packet.
final class Receiver {
    private var reassembler = Reassembler()
    private var pool = BlockPool()
    private(set) var received: Int
    private(set) var isMalformed = false
    /// The first packet that was not what had been sent.
    private(set) var mismatch: Int?
    private let expected: PacketStream

    init(_ expected: PacketStream, from first: Int = 0) {
        self.expected = expected
        received = first
    }

    var carried: Int { reassembler.carried }
    var bytesInUse: Int { pool.bytesInUse }

    /// Feeds `pieces` bytes from `start` to `end` of the stream.
    func feed(_ start: Int, _ end: Int) {
        expected.bytes.withUnsafeBytes { feed(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
    }

    func feed(_ piece: UnsafeRawBufferPointer) {
        var rest = piece
        while true {
            switch reassembler.next(&rest, framing: expected.framing, pool: &pool) {
            case .packet(let packet, let type): check(packet, type)
            case .incomplete: return
            case .malformed:
                isMalformed = true
                return
            }
        }
    }

    private func check(_ packet: UnsafeRawBufferPointer, _ type: PacketType) {
        defer { received += 1 }
        guard mismatch == nil else { return }
        guard received < expected.count, expected.types[received] == type else {
            mismatch = received
            return
        }
        let start = expected.starts[received]
        let isSame = expected.bytes.withUnsafeBytes { bytes -> Bool in
            guard packet.count == expected.starts[received + 1] - start, let base = bytes.baseAddress,
                let other = packet.baseAddress
            else { return false }
            return memcmp(other, base + start, packet.count) == 0
        }
        if !isSame { mismatch = received }
    }

    func release() { reassembler.release(to: &pool) }
}
