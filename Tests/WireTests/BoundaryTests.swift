// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct BoundaryTests {
    private static let framings = [
        Framing(), Framing(sizeWidth: .one, typeWidth: .one), Framing(byteOrder: .bigEndian, sizeIncludesHeader: false),
    ]

    @Test("a boundary is the end of the packet that holds the byte before, or the place itself", arguments: framings)
    func boundary(framing: Framing) {
        let stream = PacketStream(framing, count: 20, bodies: 0...40, seed: 1)
        stream.bytes.withUnsafeBytes { bytes in
            for offset in 0...stream.bytes.count {
                let expected = stream.starts.first { $0 >= offset }
                #expect(framing.boundary(in: bytes, from: offset) == expected)
            }
        }
    }

    @Test("the last boundary is the last end of a packet within the limit", arguments: framings)
    func lastBoundary(framing: Framing) {
        let stream = PacketStream(framing, count: 20, bodies: 0...40, seed: 2)
        stream.bytes.withUnsafeBytes { bytes in
            for limit in 0...stream.bytes.count + 10 {
                let expected = stream.starts.last { $0 <= limit }
                #expect(framing.lastBoundary(in: bytes, upTo: limit) == expected)
            }
        }
    }

    @Test("a boundary never lies beyond the bytes, whatever they say")
    func outOfRange() {
        let framing = Framing()
        for bytes: [UInt8] in [[100, 0, 1, 0, 5], [0, 0, 0, 0, 0], [3], [], [4, 0, 1, 0, 0xFF]] {
            bytes.withUnsafeBytes { memory in
                for offset in 0...bytes.count {
                    let boundary = framing.boundary(in: memory, from: offset)
                    #expect(boundary >= offset && boundary <= bytes.count)
                    #expect(framing.lastBoundary(in: memory, upTo: offset) <= offset)
                }
            }
        }
    }
}
