// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Synchronization
import Testing

/// What ports promise when somebody brings more than there is memory for.
@Suite struct FairnessTests {
    /// Keeps the sockets of bulk writers full.
    private final class Flood: Sendable {
        private let isOver = Atomic<Bool>(false)
        private let peers: [Peer]
        private let piece = [UInt8](repeating: 7, count: 256 << 10)

        init(_ peers: [Peer]) { self.peers = peers }

        func stop() { isOver.store(true, ordering: .relaxed) }

        /// One round: as much as fits.
        func fill() {
            for peer in peers {
                for _ in 0..<64 {
                    guard piece.withUnsafeBytes({ peer.sendSome($0) }) == piece.count else { break }
                }
            }
        }

        func run() { while !isOver.load(ordering: .relaxed) { fill() } }
    }

    private struct QuietBesideBulk: PortRule {
        /// In how many turns everybody is served; nil: in as many completions as two turns have that take all that has
        /// arrived, because turns say nothing here about who gets how much.
        let turns: Int?

        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let capacity = 220
            let rig = try Rig(capacity: capacity, make)
            /// What has been spent, of which a bound is so much.
            func spent() -> Int { turns == nil ? rig.completions : rig.turns }
            let bound = turns ?? 2 * capacity
            let starved = turns.map { max(8, $0 &* 4) } ?? 8 * capacity
            var bulk: [Peer] = []
            for slot in 0..<20 {
                let (near, peer) = try pairs.make()
                rig.add(near, slot: slot).keepsBytes = false
                bulk.append(peer)
            }
            var quiet: [Peer] = []
            let sessions = try (20..<220).map { slot in
                let (near, peer) = try pairs.make()
                quiet.append(peer)
                return rig.add(near, slot: slot)
            }
            let flood = Flood(bulk)
            flood.fill()
            // What a port learns about greedy streams it learns in the first turns.
            for _ in 0..<5 {
                try rig.turn()
                flood.fill()
            }
            let writers = Background { flood.run() }
            defer {
                flood.stop()
                writers.join()
            }
            var late: [Int] = []
            for round in 1...10 {
                for peer in quiet { try peer.send([UInt8](repeating: UInt8(round), count: 16)) }
                func unserved() -> Int { sessions.count { $0.receivedCount < 16 * round } }
                let start = spent()
                try rig.run("the bound of round \(round)") { spent() - start >= bound || unserved() == 0 }
                if unserved() > 0 { late.append(unserved()) }
                let end = spent()
                try rig.run("round \(round)") { unserved() == 0 }
                #expect(spent() - end <= starved, "round \(round): starved")
            }
            // A port gives a turn a few milliseconds, which a busy machine may take away; greed shows in every round.
            #expect(late.count <= 5, "rounds in which so many were not served within \(bound)")
            rig.expectOrder()
        }
    }

    @Test(
        "200 quiet streams are served within 2 turns beside 20 bulk writers, or as many completions",
        arguments: PortKind.roomy)
    func quiet(kind: PortKind) throws { try kind.check(QuietBesideBulk(turns: kind.turnsToServe)) }

    private struct QuietBesideTheSuddenlyGreedy: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let attempts = try (0..<5).map { _ in try unserved(make) }
            // A port gives a turn a few milliseconds, which a busy machine may take away.
            #expect(attempts.count { $0 == 0 } >= 3, "not served within 2 turns: \(attempts)")
        }

        /// How many of 200 quiet streams are not served within two turns when 20 become greedy that were modest.
        private func unserved<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws -> Int {
            let pairs = try PairMaker()
            let rig = try Rig(capacity: 220, make)
            var peers: [Peer] = []
            let streams = try (0..<220).map { slot in
                let (near, peer) = try pairs.make()
                peers.append(peer)
                let stream = rig.add(near, slot: slot)
                stream.keepsBytes = false
                return stream
            }
            let piece = [UInt8](repeating: 1, count: 1_024)
            for count in 1...48 {
                for peer in peers[..<20] { try peer.send(piece) }
                try rig.run("modest") { streams[..<20].allSatisfy { $0.receivedCount == count * piece.count } }
            }
            let flood = Flood(Array(peers[..<20]))
            flood.fill()
            let writers = Background { flood.run() }
            defer {
                flood.stop()
                writers.join()
            }
            for peer in peers[20...] { try peer.send([2]) }
            for _ in 0..<2 { try rig.turn() }
            let unserved = streams[20...].count { $0.receivedCount == 0 }
            let turn = rig.turns
            try rig.run("the quiet") { streams[20...].allSatisfy { $0.receivedCount == 1 } }
            #expect(rig.turns - turn <= 8, "starved")
            rig.expectOrder()
            return unserved
        }
    }

    @Test(
        "200 quiet streams are served within 2 turns when 20 become greedy that were modest",
        arguments: [PortKind.uring(disabled: []), .direct(disabled: []), .epoll])
    func suddenlyGreedy(kind: PortKind) throws { try kind.check(QuietBesideTheSuddenlyGreedy()) }

    private struct Flooded: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let count = 64
            let rig = try Rig(capacity: count, make)
            var dice = Dice(seed: 1)
            let block = dice.bytes(1 << 20)
            var peers: [Peer] = []
            let streams = try (0..<count).map { slot in
                let (near, peer) = try pairs.make()
                peers.append(peer)
                return rig.add(near, slot: slot, receives: false)
            }
            // Everything lies in the sockets before the first receive: far more than the port has memory for.
            var sent = [Int](repeating: 0, count: count)
            func fill() {
                for index in 0..<count where sent[index] < block.count {
                    sent[index] += block.withUnsafeBytes {
                        peers[index].sendSome(UnsafeRawBufferPointer(rebasing: $0[sent[index]...])) ?? 0
                    }
                }
            }
            fill()
            for stream in streams { rig.port.receive(stream.key) }
            try rig.run(seconds: 20, "64 MiB") {
                fill()
                return streams.allSatisfy { $0.receivedCount >= block.count }
            }
            #expect(streams.allSatisfy { $0.bytes == block })
            rig.expectOrder()
        }
    }

    @Test("when the receive memory is exhausted nobody is lost and no byte is", arguments: PortKind.roomy)
    func flooded(kind: PortKind) throws { try kind.check(Flooded()) }
}

extension PortKind {
    /// In how many turns 200 quiet streams are served. A turn gathers all that has arrived, but for a wait for a fixed
    /// number, which brings 20 completions, of 220 streams here. Where a thread of the kernel works meanwhile, a turn
    /// takes what that thread has got to, which may be a single completion.
    fileprivate var turnsToServe: Int? {
        guard case .uringWith(let techniques, _) = self else { return 2 }
        if techniques.contains(.submissionPolling) { return nil }
        return techniques.contains(.fixedWait) ? 12 : 2
    }
}
