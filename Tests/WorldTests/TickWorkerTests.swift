// SPDX-License-Identifier: Apache-2.0

import Testing
import World

/// When workers close their ticks, whom they wait for, and how long what they were given stays as it is.
@Suite struct TickWorkerTests {
    private let configuration = WorldConfiguration(
        width: 12, height: 100, moveIntervalMilliseconds: 0, seed: 3)
    private static let millisecond: UInt64 = 1_000_000

    /// Two workers and two regions, whose messages wait until they are asked for.
    private final class Pair {
        let peers: [Network.Peer]
        var waiting: [[TickMessage]] = [[], []]

        init(_ configuration: WorldConfiguration) {
            let map = RegionMap(configuration, regions: 2)
            peers = (0..<2).map {
                Network.Peer(
                    TickWorker(index: $0, workers: 2, map: map, configuration: configuration, capacity: 4))
            }
        }

        func close(_ index: Int, now: UInt64) {
            peers[index].worker.close(settledThrough: 0) { message, target in waiting[target].append(message) }
            advance(index, now: now)
        }

        func receive(_ index: Int, now: UInt64) {
            for message in waiting[index] { peers[index].worker.receive(message, from: 1 - index) }
            waiting[index].removeAll()
            advance(index, now: now)
        }

        private func advance(_ index: Int, now: UInt64) {
            let isComplete = peers[index].worker.advance(now: now) { message, target in
                waiting[target].append(message)
            }
            if isComplete { peers[index].worker.deliver { _, _, _ in } }
        }

        /// A tick that worker 1 closes later than worker 0.
        func tick(_ first: UInt64, _ second: UInt64) {
            close(0, now: first)
            close(1, now: second)
            for _ in 0..<4 {
                receive(0, now: second)
                receive(1, now: second)
            }
        }
    }

    @Test("all workers agree on when the next tick is due; one that is late moves it for all and is named")
    func schedule() {
        let pair = Pair(configuration)
        let interval = 50 * Self.millisecond
        pair.tick(1_000, 1_000)
        let start = pair.peers[0].nextDue
        #expect(start == 1_000 + interval / 2)
        pair.tick(start, start + Self.millisecond)
        #expect(pair.peers.map(\.nextDue) == [start + interval, start + interval])
        #expect(pair.peers.map(\.lateWorker) == [nil, nil])
        let late = start + interval + 30 * Self.millisecond
        pair.tick(start + interval, late)
        #expect(pair.peers.map(\.nextDue) == [late + interval / 2, late + interval / 2])
        #expect(pair.peers.map(\.lateWorker) == [1, 1])
        pair.tick(late + interval / 2, late + interval / 2)
        #expect(pair.peers.map(\.lateWorker) == [nil, nil])
    }

    @Test("a worker whose peer is silent waits, and takes commands for the next tick meanwhile")
    func waiting() {
        let pair = Pair(configuration)
        pair.close(0, now: 1)
        #expect(pair.peers[0].isWaiting && pair.peers[0].worker.openTick == 2)
        for _ in 0..<10 { pair.receive(0, now: 2) }
        #expect(pair.peers[0].isWaiting && pair.peers[0].population == 0)
        pair.peers[0].worker.open.enter(
            session: session(1), number: 1, request: 1, object: 1, character: 1, name: "early")
        pair.close(1, now: 3)
        for _ in 0..<4 {
            pair.receive(1, now: 3)
            pair.receive(0, now: 3)
        }
        #expect(!pair.peers[0].isWaiting && pair.peers.map(\.population) == [0, 0])
        pair.tick(4, 4)
        #expect(pair.peers.reduce(0) { $0 + $1.population } == 1)
    }

    @Test("what a worker was given stays as it is until it says that it settled the tick", arguments: [1, 2, 8])
    func settling(regions: Int) {
        let tall = WorldConfiguration(width: 12, height: 249, moveIntervalMilliseconds: 0, seed: 3)
        let network = Network(tall, regions: regions, workers: 3, order: 4)
        var dice = Dice(seed: 6)
        var settled: [UInt64] = network.peers.map { _ in 0 }
        var held: [[(tick: UInt64, bytes: UnsafeRawBufferPointer, copy: [UInt8])]] = network.peers.map { _ in [] }
        var checks = 0
        for tick in UInt64(1)...60 {
            for slot in 0..<40 {
                let session = session(slot, worker: UInt8(slot % 3))
                let open = network.peers[slot % 3].worker.open
                if tick == 1 {
                    open.enter(
                        session: session, number: 1, request: 1, object: UInt32(slot), character: 1, name: "x")
                } else {
                    open.chat(session: session, number: UInt32(tick), Chat(request: 1, text: "hello, hello"))
                }
            }
            for index in network.peers.indices {
                if dice.chance(40) { settled[index] = max(settled[index], tick - min(tick, UInt64(1 + dice.below(2)))) }
                held[index].removeAll { $0.tick <= settled[index] }
            }
            network.step(settled: settled) { worker, tick, _, own, shared in
                for index in own.indices { held[worker].append((tick, own[index], Array(own[index]))) }
                for index in shared.indices { held[worker].append((tick, shared[index], Array(shared[index]))) }
            }
            for piece in held.joined() {
                checks += 1
                #expect(Array(piece.bytes) == piece.copy)
            }
        }
        #expect(checks > 10_000)
    }
}
