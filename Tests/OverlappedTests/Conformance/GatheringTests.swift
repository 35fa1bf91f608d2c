// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Overlapped

/// Looking for more after the last completion of a turn: what comes belongs to the turn, and it ends.
@Suite struct GatheringTests {
    /// A port with one stream, of which the first byte, 0, has come.
    private static func begin<P: TestedPort>(
        _ make: @escaping @Sendable (Int) throws -> P
    ) throws -> (rig: Rig<P>, peer: Peer, stream: Rig<P>.Stream) {
        let rig = try Rig(capacity: 1, make)
        let (near, peer) = try PairMaker().make()
        let stream = rig.add(near, slot: 0)
        try peer.send([0])
        try rig.run("the first byte") { stream.receivedCount == 1 }
        return (rig, peer, stream)
    }

    private struct NothingComes: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (rig, _, _) = try GatheringTests.begin(make)
            let began = MonotonicClock.now()
            while rig.port.gather(for: 60_000_000_000) {
                while rig.port.next() != nil {}
            }
            // A port takes 2 ms for it, whatever it is asked for.
            #expect(MonotonicClock.now() - began < 2_000_000_000)
            rig.expectOrder()
        }
    }

    private struct Batch: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (rig, peer, stream) = try GatheringTests.begin(make)
            for round in 1...50 {
                rig.port.batchNextWait(for: 40)
                // One is less than a batch: it is waited with for a moment, and not longer.
                try peer.send([UInt8(round)])
                let began = MonotonicClock.now()
                try rig.run("byte \(round)") { stream.receivedCount == round + 1 }
                #expect(MonotonicClock.now() - began < 2_000_000_000)
            }
            // Nothing comes: the deadline is kept.
            rig.port.batchNextWait(for: 40)
            let began = MonotonicClock.now()
            try rig.port.wait(until: began + 20_000_000)
            while rig.port.next() != nil {}
            #expect(MonotonicClock.now() - began < 2_000_000_000)
            rig.expectOrder()
        }
    }

    @Test("a wait for a batch ends with less than that, and at its deadline", arguments: PortKind.all)
    func batch(kind: PortKind) throws { try kind.check(Batch()) }

    @Test("a minute's patience ends when nothing comes", arguments: PortKind.all)
    func nothing(kind: PortKind) throws { try kind.check(NothingComes()) }

    private struct BytesCome: PortRule {
        let mustGather: Bool

        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (rig, peer, stream) = try GatheringTests.begin(make)
            var gathered = 0
            for round in stride(from: 1, to: 199, by: 2) {
                try peer.send([UInt8(round)])
                try rig.turn(1_000)
                try peer.send([UInt8(round + 1)])
                guard rig.port.gather(for: 1_000_000) else { continue }
                let before = stream.receivedCount
                while let completion = rig.port.next() { rig.take(completion) }
                gathered += stream.receivedCount - before
            }
            try rig.run("all bytes") { stream.receivedCount == 199 }
            #expect(stream.bytes == (0..<199).map { UInt8($0) })
            if mustGather { #expect(gathered > 50, "only \(gathered) came in their turn") }
            rig.expectOrder()
        }
    }

    @Test("what comes while a port gathers belongs to the turn, once", arguments: PortKind.all)
    func bytes(kind: PortKind) throws { try kind.check(BytesCome(mustGather: kind.looksForMore)) }

    private struct BytesGoOnComing: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (rig, peer, stream) = try GatheringTests.begin(make)
            var rounds = 0
            repeat {
                while let completion = rig.port.next() { rig.take(completion) }
                rounds += 1
                try peer.send([1])
            } while rounds < 10_000 && rig.port.gather(for: 1_000_000)
            #expect(rounds < 10_000)
            try rig.run("all bytes") { stream.receivedCount == rounds + 1 }
            rig.expectOrder()
        }
    }

    @Test("a turn ends while bytes go on coming", arguments: PortKind.all)
    func flood(kind: PortKind) throws { try kind.check(BytesGoOnComing()) }

    @Test(
        "a stream's share of receive memory leaves a quarter of it free, from 16 to 64 KiB",
        arguments: [
            (0, 65_536), (1, 65_536), (48, 65_536), (49, 49_152), (64, 49_152), (96, 32_768), (97, 16_384),
            (192, 16_384), (5_000, 16_384),
        ])
    func share(streams: Int, bytes: Int) {
        #expect(Int(BufferRing.share(of: streams, memory: 4 << 20)) == bytes)
        #expect(BufferRing.share(of: streams, memory: 16_384) == 16_384)
        #expect(BufferRing.modestShare(memory: 4 << 20) == 131_072)
    }
}

extension PortKind {
    /// Whether a turn can be added to. Epoll brings all that there is at once, a fixed wait is all of its turn, and a
    /// receive of one shot is armed anew by the next submission.
    fileprivate var looksForMore: Bool {
        switch self {
        case .epoll, .epollWith: false
        case .uringWith(let techniques, _):
            techniques.isDisjoint(with: [.fixedWait, .submissionPolling, .oneShotReceive])
        case .narrowUring, .narrowUringWith: false
        case .uring, .direct: true
        }
    }
}
