// SPDX-License-Identifier: Apache-2.0

import World

/// All that a run is compared by: for each tick, the bytes of each session and the number of each sector that changed.
struct Recording: Equatable {
    private(set) var outputs: [UInt64: [UInt64: [UInt8]]] = [:]
    private(set) var states: [UInt64: [UInt32: UInt64]] = [:]

    mutating func add(
        _ tick: UInt64, _ session: UInt64, _ own: Span<UnsafeRawBufferPointer>, _ shared: Span<UnsafeRawBufferPointer>
    ) {
        var bytes: [UInt8] = []
        for index in own.indices { bytes.append(contentsOf: own[index]) }
        for index in shared.indices { bytes.append(contentsOf: shared[index]) }
        precondition(outputs[tick]?[session] == nil, "two outputs of one session in one tick")
        outputs[tick, default: [:]][session] = bytes
    }

    mutating func add(_ tick: UInt64, _ sector: Sector, _ hash: UInt64) {
        precondition(states[tick]?[sector.rawValue] == nil, "two numbers of one sector in one tick")
        states[tick, default: [:]][sector.rawValue] = hash
    }

    /// Where two recordings differ first, for whoever reads the failure.
    func difference(from other: Recording) -> String? {
        for tick in Set(outputs.keys).union(other.outputs.keys).sorted() {
            let (mine, others) = (outputs[tick] ?? [:], other.outputs[tick] ?? [:])
            for session in Set(mine.keys).union(others.keys).sorted() where mine[session] != others[session] {
                return "tick \(tick), session \(session): \(mine[session] ?? []) and \(others[session] ?? [])"
            }
            let (state, otherState) = (states[tick] ?? [:], other.states[tick] ?? [:])
            for sector in Set(state.keys).union(otherState.keys).sorted() where state[sector] != otherState[sector] {
                return "tick \(tick), sector \(sector)"
            }
        }
        return nil
    }
}

/// Plays a log without barriers: each worker goes as far ahead as messages let it, in an order that dice decide.
func play(
    _ log: [[Operation]], _ configuration: WorldConfiguration, regions: Int, workers: Int, order: UInt64
) -> Recording {
    let network = Network(configuration, regions: regions, workers: workers, order: order)
    var recording = Recording()
    network.changed = { recording.add($0, $1, $2) }
    let numbered = number(log)
    var dice = Dice(seed: order ^ 0xABCD)
    var finished = 0
    while finished < network.peers.count {
        let index = dice.below(network.peers.count)
        let peer = network.peers[index]
        if dice.chance(50), !peer.worker.isWaiting, peer.worker.openTick <= UInt64(log.count) {
            for (operation, number) in numbered[Int(peer.worker.openTick) - 1]
            where Int(operation.session >> 56) == index {
                operation.append(to: peer.worker.open, number: number)
            }
            network.close(index, settledThrough: peer.worker.openTick - 1)
        }
        if dice.chance(80) { _ = network.carry { recording.add($1, $2, $3, $4) } }
        if dice.chance(20), peer.worker.isWaiting { network.advance(index) { recording.add($1, $2, $3, $4) } }
        finished = network.peers.count { !$0.worker.isWaiting && $0.worker.openTick > UInt64(log.count) }
    }
    return recording
}

/// Gives each operation its session's next number.
private func number(_ log: [[Operation]]) -> [[(Operation, UInt32)]] {
    var numbers: [UInt64: UInt32] = [:]
    return log.map { operations in
        operations.map { operation in
            numbers[operation.session, default: 0] += 1
            return (operation, numbers[operation.session] ?? 0)
        }
    }
}
