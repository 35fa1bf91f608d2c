// SPDX-License-Identifier: Apache-2.0

import World

/// The workers of a world and the messages between them, which are carried in an order that dice decide: only those of
/// one pair of workers keep theirs.
final class Network {
    /// A worker in a class, since it cannot be copied into an array.
    final class Peer {
        var worker: TickWorker
        init(_ worker: consuming TickWorker) { self.worker = worker }

        // For expectations, which cannot look into what cannot be copied.
        var population: Int { worker.population }
        var nextDue: UInt64 { worker.nextDue }
        var lateWorker: Int? { worker.lateWorker }
        var isWaiting: Bool { worker.isWaiting }
        func entity(session: UInt64) -> Entity? { worker.entity(session: session) }
        func home(of session: UInt64) -> Int? { worker.home(of: session) }
    }

    /// What is done with what a tick leaves: worker, tick, session, its own pieces, its shared pieces.
    typealias Sink = (Int, UInt64, UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void

    let map: RegionMap
    let peers: [Peer]
    /// Told of every sector that a tick changed, with its number, when the tick ends.
    var changed: (UInt64, Sector, UInt64) -> Void = { _, _, _ in }
    private var waiting: [[TickMessage]]
    private var dice: Dice
    /// The frames of the last tick that each region's worker ended.
    private(set) var frames: [Frame?]

    init(_ configuration: WorldConfiguration, regions: Int, workers: Int, order: UInt64, capacity: Int = 16) {
        let map = RegionMap(configuration, regions: regions)
        let count = max(workers, map.count)
        self.map = map
        peers = (0..<count).map { index in
            Peer(
                TickWorker(
                    index: index, workers: count, map: map, configuration: configuration, capacity: capacity))
        }
        waiting = Array(repeating: [], count: count * count)
        frames = Array(repeating: nil, count: map.count)
        dice = Dice(seed: order)
    }

    func close(_ index: Int, settledThrough: UInt64) {
        peers[index].worker.close(settledThrough: settledThrough) { message, target in
            waiting[index * peers.count + target].append(message)
        }
    }

    /// Lets a worker do what it can; a tick that is complete goes to `sink`.
    func advance(_ index: Int, _ sink: Sink) {
        let peer = peers[index]
        let isComplete = peer.worker.advance(now: 0) { message, target in
            waiting[index * peers.count + target].append(message)
        }
        guard isComplete else { return }
        let tick = peer.worker.openTick - 1
        let frame = peer.worker.deliver { session, own, shared in sink(index, tick, session, own, shared) }
        if let frame { frames[index] = frame }
        peer.worker.forEachChangedSector { sector, hash in changed(tick, sector, hash) }
    }

    /// Carries one message, whichever the dice say.
    ///
    /// - Returns: false when there is none.
    func carry(_ sink: Sink) -> Bool {
        let pairs = waiting.indices.filter { !waiting[$0].isEmpty }
        guard !pairs.isEmpty else { return false }
        let pair = pairs[dice.below(pairs.count)]
        let message = waiting[pair].removeFirst()
        let target = pair % peers.count
        peers[target].worker.receive(message, from: pair / peers.count)
        // Now and then more than one message comes before the worker looks.
        if dice.chance(70) { advance(target, sink) }
        return true
    }

    /// One tick of all workers, from their commands to their sessions.
    ///
    /// - Parameter settled: the last tick that each worker has settled; the last one if nothing is said.
    func step(settled: [UInt64]? = nil, _ sink: Sink) {
        for index in peers.indices.shuffled(using: &dice) {
            close(index, settledThrough: settled?[index] ?? peers[index].worker.openTick - 1)
            advance(index, sink)
        }
        while true {
            while carry(sink) {}
            for index in peers.indices where peers[index].worker.isWaiting { advance(index, sink) }
            if !peers.contains(where: { $0.worker.isWaiting }) { return }
        }
    }

    func entity(session: UInt64) -> Entity? {
        for peer in peers {
            if let entity = peer.worker.entity(session: session) { return entity }
        }
        return nil
    }

    func forEachEntity(_ body: (Entity) -> Void) {
        for peer in peers { peer.worker.forEachEntity(body) }
    }

    var population: Int { peers.reduce(0) { $0 + $1.worker.population } }

    func stateHash(of sector: Sector) -> UInt64? {
        for peer in peers {
            if let hash = peer.worker.stateHash(of: sector) { return hash }
        }
        return nil
    }
}

extension SectorGrid {
    /// Every sector, in order.
    var sectors: [Sector] {
        (0..<count).map { sector(x: UInt16($0 % columns * 8), y: UInt16($0 / columns * 8)) }
    }
}
