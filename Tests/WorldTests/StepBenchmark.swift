// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite(.serialized) struct StepBenchmark {
    private static let players = 10_000

    /// Each moves once a second: every twentieth in a tick, from wall to wall.
    private func fill(_ batch: CommandBatch, tick: Int, positions: inout [(x: Int, y: Int)], side: Int) {
        for slot in stride(from: tick % 20, to: Self.players, by: 20) {
            let (x, y) = positions[slot]
            let next = (x: x + ((tick / 20 / 200) % 2 == 0 && x + 1 < side ? 1 : x > 0 ? -1 : 1), y: y)
            positions[slot] = next
            batch.move(
                session: session(slot), number: UInt32(tick), sequence: UInt32(tick), clientTime: 0,
                x: UInt16(next.x), y: UInt16(next.y))
        }
    }

    private func run(_ name: String, configuration: WorldConfiguration, bound: Int) {
        var region = Region(configuration: configuration)
        var audience = Audience(worker: 0, configuration: configuration)
        let batch = CommandBatch(worker: 0)
        let effects = EffectBatch()
        for slot in 0..<Self.players {
            batch.enter(
                session: session(slot), number: 0, request: 0, object: UInt32(slot), character: 0, name: "bot")
        }
        var positions: [(x: Int, y: Int)] = []
        var step = Duration.zero
        var delivery = Duration.zero
        var deliveries = 0
        let clock = ContinuousClock()
        for tick in 1...300 {
            if tick > 3 { fill(batch, tick: tick, positions: &positions, side: configuration.width) }
            batch.close(tick: UInt64(tick), settledThrough: UInt64(tick - 1))
            let start = clock.now
            let frame = region.step(tick: UInt64(tick), [batch], effects)
            let middle = clock.now
            audience.begin(frame)
            audience.deliver { _, _, _ in deliveries += tick > 100 ? 1 : 0 }
            batch.removeAll()
            if tick == 3 {
                for slot in 0..<Self.players {
                    let entity = region.entity(session: session(slot))
                    positions.append((Int(entity?.x ?? 0), Int(entity?.y ?? 0)))
                }
            }
            guard tick > 100 else { continue }
            step += middle - start
            delivery += clock.now - middle
        }
        let moves = 200 * Self.players / 20
        let stepNanoseconds = Int(step / .nanoseconds(1)) / moves
        let deliveryNanoseconds = Int(delivery / .nanoseconds(1)) / max(deliveries, 1)
        print("\(name): \(stepNanoseconds) ns a move, \(deliveryNanoseconds) ns a delivery,", terminator: " ")
        print("\(deliveries / 200) deliveries a tick")
        #if !DEBUG
            #expect(stepNanoseconds < bound)
        #endif
    }

    @Test("a step of 10,000 players who are far apart costs well below a microsecond a move")
    func apart() {
        run("far apart", configuration: WorldConfiguration(), bound: 10_000)
    }

    @Test("a step of 10,000 players in 200 × 200 tiles costs what it costs elsewhere, and the views that change")
    func crowd() {
        run("crowd", configuration: WorldConfiguration(spawnArea: 200), bound: 100_000)
    }
}
