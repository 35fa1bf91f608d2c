// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Study

/// What a load sends, and that it notices when something else comes back.
@Suite("Message cycle")
struct MessageCycleTests {
    private let packets = MessageCycle(size: 200, depth: 16, isMixed: true)

    @Test("Packets are whole, of 4 to 200 bytes, and say their own size") func headers() {
        var sizes: Set<Int> = []
        for message in 0..<packets.count {
            let begin = packets.begins[message]
            let size = packets.begins[message + 1] - begin
            sizes.insert(size)
            #expect(packets.bytes.loadUnaligned(fromByteOffset: begin, as: UInt16.self) == UInt16(size))
            #expect(packets.bytes.loadUnaligned(fromByteOffset: begin + 2, as: UInt16.self) >= 16)
        }
        #expect(sizes.min() ?? 0 >= 4 && sizes.max() ?? 0 <= 200 && sizes.count > 100)
        #expect(packets.begins[2 * packets.count] == 2 * packets.byteCount)
    }

    @Test("Large messages have a short round, but always one longer than what is under way") func length() {
        #expect(MessageCycle(size: 16_384, depth: 1, isMixed: false).count == 64)
        #expect(MessageCycle(size: 16_384, depth: 100, isMixed: false).count == 201)
        #expect(MessageCycle(size: 64, depth: 1, isMixed: false).count == 509)
    }

    @Test("In pieces of any size every message is counted once, over many rounds", arguments: [1, 7, 64, 1_000])
    func pieces(size: Int) {
        var position = CyclePosition(packets, from: 485)
        var done = 0
        for _ in 0..<200 {
            position.start(16, of: packets)
            let (from, length) = (position.outOffset, position.owed)
            position.sent(length, of: packets)
            var place = 0
            while place < length {
                let piece = min(size, length - place)
                let at = packets.bytes + (from + place) % packets.byteCount
                guard let more = position.receive(at, piece, of: packets) else {
                    Issue.record("its own bytes are not known at \(place)")
                    return
                }
                done += more
                place += piece
            }
            #expect(position.underWay == 0 && position.owed == 0)
        }
        #expect(done == 200 * 16)
    }

    @Test func anotherByte() {
        var position = CyclePosition(packets, from: 3)
        position.start(1, of: packets)
        let length = position.owed
        var bytes = [UInt8](UnsafeRawBufferPointer(start: packets.bytes + position.outOffset, count: length))
        bytes[length - 1] ^= 1
        #expect(bytes.withUnsafeBytes { position.receive($0.baseAddress ?? packets.bytes, length, of: packets) } == nil)
    }

    @Test("More than was sent is noticed, even when it is what would come next") func surplus() {
        var position = CyclePosition(packets, from: 0)
        position.start(1, of: packets)
        #expect(position.receive(packets.bytes, packets.begins[2], of: packets) == nil)
    }

    @Test("Another connection's bytes are noticed") func otherConnection() {
        let cycle = MessageCycle(size: 64, depth: 1, isMixed: false)
        var position = CyclePosition(cycle, from: 97)
        position.start(1, of: cycle)
        #expect(position.receive(cycle.bytes, 64, of: cycle) == nil)
    }
}
