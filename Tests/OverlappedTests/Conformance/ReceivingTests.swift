// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing

/// What ports promise about bytes that come in.
@Suite struct ReceivingTests {
    private struct ChunksInOrder: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(make)
            var dice = Dice(seed: 1)
            for (slot, size) in [1, 2, 63, 1_000, 4_096, 4_097, 65_536, 65_537, 300_000, 4 << 20].enumerated() {
                let (near, peer) = try pairs.make()
                let stream = rig.add(near, slot: slot)
                let bytes = dice.bytes(size)
                var sent = 0
                try rig.run("\(size) bytes") {
                    sent += bytes.withUnsafeBytes {
                        peer.sendSome(UnsafeRawBufferPointer(rebasing: $0[sent...])) ?? 0
                    }
                    return stream.receivedCount >= size
                }
                #expect(stream.bytes == bytes)
            }
            rig.expectOrder()
        }
    }

    @Test("bytes of a stream arrive in order, whatever the chunks", arguments: PortKind.all)
    func chunks(kind: PortKind) throws { try kind.check(ChunksInOrder()) }

    private struct ManyStreams: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(capacity: 200, make)
            var dice = Dice(seed: 2)
            var peers: [(Peer, [UInt8])] = []
            let streams = try (0..<200).map { slot in
                let (near, peer) = try pairs.make()
                peers.append((peer, dice.bytes(dice.within(1...20_000))))
                return rig.add(near, slot: slot)
            }
            var sent = [Int](repeating: 0, count: 200)
            try rig.run("everything of 200 streams") {
                for (index, (peer, bytes)) in peers.enumerated() where sent[index] < bytes.count {
                    let end = min(bytes.count, sent[index] + dice.within(1...3_000))
                    sent[index] += bytes.withUnsafeBytes {
                        peer.sendSome(UnsafeRawBufferPointer(rebasing: $0[sent[index]..<end])) ?? 0
                    }
                }
                return zip(streams, peers).allSatisfy { $0.receivedCount >= $1.1.count }
            }
            for (stream, (_, bytes)) in zip(streams, peers) { #expect(stream.bytes == bytes) }
            rig.expectOrder()
        }
    }

    @Test("streams do not mix", arguments: PortKind.all)
    func streams(kind: PortKind) throws { try kind.check(ManyStreams()) }

    private struct FinishedAndStillSending: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (near, peer) = try PairMaker().make()
            let rig = try Rig(make)
            let stream = rig.add(near, slot: 3)
            try peer.send([1, 2, 3])
            peer.finishSending()
            try rig.run("finished") { stream.finished == 1 }
            #expect(stream.bytes == [1, 2, 3])
            for round in UInt8(0)..<5 {
                rig.send(stream.key, [round, round])
                try rig.turn(0)
                #expect(try peer.receive(exactly: 2) == [round, round])
            }
            #expect(stream.ended.isEmpty)
            rig.port.close(stream.key, hard: false)
            try rig.run("closed") { stream.closed == 1 }
            #expect(try peer.receive(upTo: 1).isEmpty)
            rig.expectOrder()
        }
    }

    @Test("the peer's end of stream is told once, behind its bytes, and sends still work", arguments: PortKind.all)
    func finished(kind: PortKind) throws { try kind.check(FinishedAndStillSending()) }

    private struct EchoOfSlices: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(make)
            var dice = Dice(seed: 3)
            var peers: [Peer] = []
            for slot in 0..<32 {
                let (near, peer) = try pairs.make()
                rig.add(near, slot: slot)
                peers.append(peer)
            }
            for _ in 0..<30 {
                let questions = peers.map { _ in dice.bytes(dice.within(1...3_000)) }
                for (peer, question) in zip(peers, questions) { try peer.send(question) }
                var echoed = 0
                let total = questions.reduce(0) { $0 + $1.count }
                let deadline = MonotonicClock.now() + 10_000_000_000
                while echoed < total, MonotonicClock.now() < deadline {
                    var parts: [UInt64: [UnsafeRawBufferPointer]] = [:]
                    try rig.turn { stream, bytes in parts[stream.key.rawValue, default: []].append(bytes) }
                    for (key, slices) in parts {
                        rig.send(CompletionKey(userData: key), slices)
                        echoed += slices.reduce(0) { $0 + $1.count }
                    }
                }
                // The sends of the last turn leave with the next wait.
                try rig.turn(0)
                for (peer, question) in zip(peers, questions) {
                    #expect(try peer.receive(exactly: question.count) == question)
                }
            }
            rig.expectOrder()
        }
    }

    @Test("a slice may be the source of a send", arguments: PortKind.all)
    func echo(kind: PortKind) throws { try kind.check(EchoOfSlices()) }

    private struct PauseAndResume: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (near, peer) = try PairMaker().make()
            let rig = try Rig(make)
            let stream = rig.add(near, slot: 0)
            var dice = Dice(seed: 4)
            let bytes = dice.bytes(2 << 20)
            var sent = 0
            var late = 0
            func push(_ count: Int) {
                let end = min(bytes.count, sent + count)
                sent += bytes.withUnsafeBytes { peer.sendSome(UnsafeRawBufferPointer(rebasing: $0[sent..<end])) ?? 0 }
            }
            while sent < bytes.count {
                push(dice.within(1...200_000))
                try rig.turn()
                if dice.chance(30) { push(5_000) }
                rig.port.pause(stream.key)
                if dice.chance(20) {
                    // Taken back at once.
                    rig.port.receive(stream.key)
                    continue
                }
                let count = stream.receivedCount
                push(10_000)
                for _ in 0..<3 { try rig.turn(1) }
                late += stream.receivedCount - count
                rig.port.receive(stream.key)
                if dice.chance(20) { rig.port.receive(stream.key) }
            }
            try rig.run("the rest") { stream.receivedCount >= bytes.count }
            #expect(late == 0, "bytes delivered to a paused stream")
            #expect(stream.bytes == bytes)
            rig.expectOrder()
        }
    }

    @Test("a paused stream is delivered nothing, and goes on without loss", arguments: PortKind.all)
    func pause(kind: PortKind) throws { try kind.check(PauseAndResume()) }
}
