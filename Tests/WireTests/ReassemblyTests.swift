// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Wire

@Suite struct ReassemblyTests {
    private static let framings = [
        Framing(), Framing(sizeWidth: .one, typeWidth: .one), Framing(byteOrder: .bigEndian),
        Framing(sizeWidth: .four, typeWidth: .one, sizeIncludesHeader: false, maximumPacketSize: 65_536),
    ]

    /// Everything sent has come, in order, and the carry is given back.
    private func expectWhole(
        _ receiver: Receiver, upTo count: Int, _ note: @autoclosure () -> String,
        _ place: SourceLocation = #_sourceLocation
    ) {
        // One more look, as the next piece would: a packet that lay in the carry is handled by now.
        receiver.feed(UnsafeRawBufferPointer(start: nil, count: 0))
        guard receiver.mismatch == nil, receiver.received == count, !receiver.isMalformed, receiver.carried == 0,
            receiver.bytesInUse == 0
        else {
            let mismatch = receiver.mismatch.map { ", packet \($0) differs" } ?? ""
            Issue.record(
                "\(note()): \(receiver.received) of \(count)\(mismatch), \(receiver.bytesInUse) bytes in use",
                sourceLocation: place)
            return
        }
    }

    @Test("packets are the same wherever the stream is cut in two")
    func everyCut() {
        let stream = PacketStream(count: 1_000, bodies: 0...120, seed: 2)
        for cut in 0...stream.bytes.count {
            // Before and after the packet that is cut the reassembler is empty, so its neighbours are enough; the full
            // level takes the whole stream all the same.
            let packet = stream.packet(at: cut)
            let first = TestLevel.isFull ? 0 : max(0, packet - 2)
            let last = TestLevel.isFull ? stream.count : min(stream.count, packet + 3)
            let receiver = Receiver(stream, from: first)
            receiver.feed(stream.starts[first], cut)
            receiver.feed(cut, stream.starts[last])
            expectWhole(receiver, upTo: last, "cut at \(cut)")
        }
    }

    @Test("packets are the same however often the stream is cut", arguments: framings)
    func manyCuts(framing: Framing) {
        let largest = min(2_000, framing.maximumPacketSize - framing.headerSize)
        for seed in 0..<(TestLevel.isFull ? 200 : 30) {
            var dice = Dice(seed: UInt64(seed))
            let stream = PacketStream(framing, count: 50, bodies: 0...largest, seed: UInt64(seed))
            let longest = [3, 20, 300, 5_000][dice.below(4)]
            let receiver = Receiver(stream)
            var offset = 0
            while offset < stream.bytes.count {
                let end = min(stream.bytes.count, offset + dice.below(longest + 1))
                receiver.feed(offset, end)
                offset = end
            }
            expectWhole(receiver, upTo: stream.count, "seed \(seed)")
        }
    }

    @Test("one byte at a time makes the same packets", arguments: framings)
    func byteByByte(framing: Framing) {
        let stream = PacketStream(framing, count: 100, bodies: 0...200, seed: 3)
        let receiver = Receiver(stream)
        for offset in 0..<stream.bytes.count { receiver.feed(offset, offset + 1) }
        expectWhole(receiver, upTo: stream.count, "byte by byte")
    }

    @Test("many packets in one piece are handed over in place, without memory of their own")
    func inPlace() {
        let stream = PacketStream(count: 1_000, bodies: 0...100, seed: 4)
        var reassembler = Reassembler()
        var pool = BlockPool()
        stream.bytes.withUnsafeBytes { bytes in
            var rest = bytes
            for index in 0..<stream.count {
                guard case .packet(let packet, let type) = reassembler.next(&rest, framing: stream.framing, pool: &pool)
                else {
                    Issue.record("packet \(index) is missing")
                    return
                }
                #expect(packet.baseAddress == bytes.baseAddress.map { $0 + stream.starts[index] })
                #expect(type == stream.types[index])
            }
            guard case .incomplete = reassembler.next(&rest, framing: stream.framing, pool: &pool) else {
                Issue.record("something is left")
                return
            }
        }
        #expect(pool.heapAllocations == 0)
        #expect(pool.bytesInUse == 0)
    }

    @Test("the carry is as large as what has arrived, whatever the header announces")
    func carrySize() {
        var stream = PacketStream(count: 0, bodies: 0...0, seed: 5)
        stream.append(20, body: [UInt8](repeating: 1, count: 16_380))
        let receiver = Receiver(stream)
        receiver.feed(0, 1)
        #expect(receiver.bytesInUse == 64)
        receiver.feed(1, 4)
        #expect(receiver.bytesInUse == 64)
        receiver.feed(4, 65)
        #expect(receiver.carried == 65)
        #expect(receiver.bytesInUse == 256)
        receiver.feed(65, 1_024)
        #expect(receiver.bytesInUse == 1_024)
        receiver.feed(1_024, 1_025)
        #expect(receiver.bytesInUse == 4_096)
        receiver.feed(1_025, 16_383)
        #expect(receiver.bytesInUse == 16_384)
        receiver.feed(16_383, 16_384)
        expectWhole(receiver, upTo: 1, "carry")
    }

    @Test("what follows a carried packet in its piece is read in place again")
    func backInPlace() {
        let stream = PacketStream(count: 20, bodies: 10...50, seed: 6)
        let receiver = Receiver(stream)
        receiver.feed(0, 3)
        receiver.feed(3, stream.bytes.count)
        #expect(receiver.bytesInUse == 0)
        expectWhole(receiver, upTo: stream.count, "rest")
    }

    @Test("release gives a begun packet back, and the reassembler starts anew")
    func release() {
        let stream = PacketStream(count: 2, bodies: 50...50, seed: 7)
        let receiver = Receiver(stream)
        receiver.feed(0, 20)
        #expect(receiver.bytesInUse > 0)
        receiver.release()
        #expect(receiver.bytesInUse == 0)
        #expect(receiver.carried == 0)
        receiver.feed(0, stream.bytes.count)
        expectWhole(receiver, upTo: 2, "after release")
    }

    @Test("a malformed size in the middle of a stream ends it behind the packets before it, wherever it is cut")
    func malformed() {
        var stream = PacketStream(count: 5, bodies: 0...30, seed: 8)
        let good = stream.bytes.count
        for bad: [UInt8] in [[3, 0, 1, 0], [0, 0, 0, 0], [1, 0x40, 1, 0], [0xFF, 0xFF, 9, 9]] {
            let bytes = stream.bytes[..<good] + bad + [1, 2, 3]
            for cut in 0...bytes.count {
                let receiver = Receiver(stream)
                Array(bytes[..<cut]).withUnsafeBytes { receiver.feed($0) }
                if !receiver.isMalformed { Array(bytes[cut...]).withUnsafeBytes { receiver.feed($0) } }
                #expect(receiver.isMalformed, "cut at \(cut)")
                #expect(receiver.received == 5)
                #expect(receiver.mismatch == nil)
                receiver.release()
                #expect(receiver.bytesInUse == 0)
            }
        }
        stream.append(9, body: [])
        let receiver = Receiver(stream)
        receiver.feed(0, stream.bytes.count)
        expectWhole(receiver, upTo: 6, "a good stream")
    }

    @Test("random bytes never trap, and the carry stays below one packet")
    func noise() {
        let framing = Framing(maximumPacketSize: 300)
        for seed in 0..<500 {
            var dice = Dice(seed: UInt64(seed))
            var reassembler = Reassembler()
            var pool = BlockPool()
            var isOver = false
            while !isOver {
                var noise = dice.bytes(dice.below(50))
                for index in noise.indices where dice.chance(70) { noise[index] = UInt8(dice.below(6)) }
                noise.withUnsafeBytes { bytes in
                    var rest = bytes
                    while true {
                        switch reassembler.next(&rest, framing: framing, pool: &pool) {
                        case .packet(let packet, _):
                            #expect(packet.count <= 300)
                            continue
                        case .incomplete: break
                        case .malformed: isOver = true
                        }
                        break
                    }
                }
                #expect(reassembler.carried < 300)
                if dice.chance(2) { isOver = true }
            }
            reassembler.release(to: &pool)
            #expect(pool.bytesInUse == 0)
        }
    }
}
