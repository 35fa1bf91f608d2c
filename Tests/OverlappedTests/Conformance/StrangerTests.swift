// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Synchronization
import Testing

/// The hazard of descriptors: a number that is closed belongs to somebody else at once, and what is still queued for
/// it would reach a stranger.
@Suite struct StrangerTests {
    /// Connections come and go at full rate and take every number that is free; each must hear its own bytes alone.
    private final class Strangers: Sendable {
        private let isOver = Atomic<Bool>(false)
        private let found = Mutex<[String]>([])
        private let rounds = Atomic<Int>(0)

        var report: (overheard: [String], rounds: Int) {
            (found.withLock { $0 }, rounds.load(ordering: .relaxed))
        }

        func stop() { isOver.store(true, ordering: .relaxed) }

        func run() {
            do {
                let pairs = try PairMaker()
                while !isOver.load(ordering: .relaxed) {
                    var guests: [(Peer, Peer)] = []
                    for _ in 0..<8 {
                        let (near, far) = try pairs.make()
                        guests.append((Peer(near), far))
                    }
                    for (near, far) in guests {
                        try near.send([1])
                        try far.send([2])
                    }
                    for (near, far) in guests {
                        near.finishSending()
                        far.finishSending()
                        let heard = (try far.receiveAll(), try near.receiveAll())
                        if heard != ([1], [2]) { found.withLock { $0.append("\(heard)") } }
                    }
                    rounds.add(1, ordering: .relaxed)
                }
            } catch {
                found.withLock { $0.append("\(error)") }
            }
        }
    }

    private struct SecretsAtTheEnd: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let strangers = Strangers()
            let crowd = Background { strangers.run() }
            defer {
                strangers.stop()
                crowd.join()
            }
            let pairs = try PairMaker()
            let rig = try Rig(capacity: 8, make)
            let secret = [UInt8](repeating: 0x53, count: 100)
            for round in 0..<(TestLevel.isFull ? 2_000 : 150) {
                var peers: [Peer] = []
                let streams = try (0..<8).map { slot in
                    let (near, peer) = try pairs.make()
                    peers.append(peer)
                    return rig.add(near, slot: slot, generation: UInt32(round))
                }
                if round % 2 == 0 { try rig.turn(0) }
                for (slot, stream) in streams.enumerated() {
                    rig.send(stream.key, secret)
                    if slot % 2 == 0 { rig.port.pause(stream.key) }
                    if slot % 4 == 1 { rig.port.receive(stream.key) }
                    // The send is queued and not submitted when its stream is closed.
                    rig.port.close(stream.key, hard: (slot + round) % 3 == 0)
                }
                try rig.run("closed") { streams.allSatisfy { $0.closed == 1 } }
            }
            strangers.stop()
            crowd.join()
            let (overheard, rounds) = strangers.report
            #expect(overheard.isEmpty)
            #expect(rounds > 0)
            rig.expectOrder()
        }
    }

    @Test(
        "a send queued before a close never reaches the next owner of the descriptor's number", arguments: PortKind.all)
    func secrets(kind: PortKind) throws { try kind.check(SecretsAtTheEnd()) }

    private struct TwoPorts: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let failures = Mutex<[String]>([])
            let work: @Sendable (UInt8) -> Void = { mark in
                do {
                    let pairs = try PairMaker()
                    let rig = try Rig(capacity: 8, make)
                    for round in UInt32(0)..<(TestLevel.isFull ? 1_000 : 100) {
                        var peers: [Peer] = []
                        let streams = try (0..<8).map { slot in
                            let (near, peer) = try pairs.make()
                            peers.append(peer)
                            return rig.add(near, slot: slot, generation: round)
                        }
                        for peer in peers { try peer.send([mark]) }
                        for stream in streams { rig.send(stream.key, [mark, mark]) }
                        try rig.run("hello") { streams.allSatisfy { $0.receivedCount == 1 } }
                        for stream in streams { rig.port.finish(stream.key) }
                        for peer in peers { peer.finishSending() }
                        try rig.run("closed") { streams.allSatisfy { $0.closed == 1 } }
                        for peer in peers {
                            if try peer.receiveAll() != [mark, mark] {
                                failures.withLock { $0.append("peer, \(mark)") }
                            }
                        }
                        if !streams.allSatisfy({ $0.bytes == [mark] }) {
                            failures.withLock { $0.append("port, \(mark)") }
                        }
                    }
                    if !rig.violations.isEmpty { failures.withLock { $0 += rig.violations } }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            let other = Background { work(1) }
            work(2)
            other.join()
            let all = failures.withLock { $0 }
            #expect(all.isEmpty)
        }
    }

    @Test("two ports that open and close at full rate never mix their bytes", arguments: PortKind.all)
    func twoPorts(kind: PortKind) throws { try kind.check(TwoPorts()) }
}
