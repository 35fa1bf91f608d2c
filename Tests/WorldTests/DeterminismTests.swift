// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct DeterminismTests {
    private let square = WorldConfiguration(width: 60, height: 60, moveIntervalMilliseconds: 100, seed: 21)
    /// The smallest map that eight regions fit on, and full.
    private let tower = WorldConfiguration(width: 12, height: 249, moveIntervalMilliseconds: 0, seed: 22)

    private func record(
        _ configuration: WorldConfiguration, seed: UInt64, players: Int, workers: Int, ticks: Int = 80
    ) -> (log: [[Operation]], recording: Recording) {
        let world = TestWorld(configuration, workers: workers)
        var recording = Recording()
        world.network.changed = { recording.add($0, $1, $2) }
        var walk = RandomWalk(seed: seed, players: players, workers: workers, hushes: true)
        for _ in 0..<ticks {
            walk.act(in: world)
            world.step { recording.add($0, $1, $2, $3) }
        }
        return (world.log.dropLast(), recording)
    }

    @Test("a log gives the same bytes and states again, whatever the workers and the order", arguments: 1...4)
    func again(seed: UInt64) {
        let (log, original) = record(square, seed: seed, players: 50, workers: 3)
        for (workers, order) in [(3, 1), (3, 2), (7, 3)] as [(Int, UInt64)] {
            #expect(
                play(log, square, regions: 1, workers: workers, order: order).difference(from: original) == nil)
        }
        #expect(original.outputs.count == 80 && original.states.count == 80)
    }

    @Test("on 1, 2 and 8 regions, stepped in 100 random orders, bytes and states are the same", arguments: 1...2)
    func regions(seed: UInt64) {
        let (log, original) = record(tower, seed: seed, players: 120, workers: 2)
        #expect(RegionMap.most(tower) == 8)
        for order in UInt64(0)..<(TestLevel.isFull ? 100 : 10) {
            let regions = [1, 2, 8][Int(order % 3)]
            let copy = play(log, tower, regions: regions, workers: 2, order: order)
            #expect(copy.difference(from: original) == nil, "\(regions) regions, order \(order)")
        }
    }

    @Test("on 2 to 8 regions of a wide view, far steps included, bytes and states are the same", arguments: 2...8)
    func wideView(regions: Int) {
        let wide = WorldConfiguration(width: 30, height: 260, viewRadius: 20, moveIntervalMilliseconds: 0, seed: 5)
        let (log, original) = record(wide, seed: 11, players: 60, workers: 3, ticks: 50)
        #expect(play(log, wide, regions: regions, workers: 3, order: 7).difference(from: original) == nil)
    }

    @Test("two runs of one seed are the same, and those of two seeds are not")
    func seeds() {
        let (log, first) = record(tower, seed: 5, players: 30, workers: 1, ticks: 30)
        let (_, second) = record(tower, seed: 5, players: 30, workers: 1, ticks: 30)
        #expect(first == second)
        let other = WorldConfiguration(width: 12, height: 249, moveIntervalMilliseconds: 0, seed: 23)
        #expect(play(log, other, regions: 1, workers: 1, order: 1).difference(from: first) != nil)
    }

    @Test("the hash of a sector changes when something in it does, and the others' stay")
    func sectors() {
        let world = TestWorld(square)
        world.place(session(1), at: 10, 10)
        world.place(session(2), at: 50, 50)
        let here = world.grid.sector(x: 10, y: 10)
        let there = world.grid.sector(x: 50, y: 50)
        let before = (world.network.stateHash(of: here), world.network.stateHash(of: there))
        for _ in 0..<5 { world.step() }
        world.move(session(1), to: 11, 11)
        world.step()
        let after = (world.network.stateHash(of: here), world.network.stateHash(of: there))
        #expect(before.0 != after.0 && before.1 == after.1 && before.0 != before.1)
    }

    @Test("effects are applied by (target, class, source, number), in whatever order and batches they come")
    func effectOrder() {
        let (log, _) = record(square, seed: 9, players: 50, workers: 1)
        var straight = Region(configuration: square)
        var region = Region(configuration: square)
        let batch = CommandBatch(worker: 0)
        let effects = EffectBatch()
        let split = [EffectBatch(), EffectBatch(), EffectBatch()]
        var numbers: [UInt64: UInt32] = [:]
        for (index, operations) in log.enumerated() {
            for operation in operations {
                numbers[operation.session, default: 0] += 1
                operation.append(to: batch, number: numbers[operation.session] ?? 0)
            }
            let tick = UInt64(index + 1)
            batch.close(tick: tick, settledThrough: tick - 1)
            let expected = straight.step(tick: tick, [batch], effects)
            region.decide(tick: tick, commands: [batch], into: [effects])
            batch.removeAll()
            deal(effects, to: split)
            let frame = region.apply(split)
            region.absorb([frame])
            #expect(contents(of: frame) == contents(of: expected) && frame.digest == expected.digest)
            #expect(region.stateHash == straight.stateHash)
        }
    }

    /// Deals the effects out from the last to the first.
    private func deal(_ effects: EffectBatch, to batches: [EffectBatch]) {
        for batch in batches { batch.begin(tick: effects.tick) }
        for (index, effect) in effects.effects.reversed().enumerated() {
            let batch = batches[index % batches.count]
            var what = effect.what
            switch what {
            case .say(let scope, let text):
                what = .say(scope: scope, text: batch.append(text: effects.text(text).bytes))
            case .spawn(let x, let y, let character, let name):
                let name = batch.append(text: effects.text(name).bytes)
                what = .spawn(x: x, y: y, character: character, name: name)
            default: break
            }
            batch.append(
                Effect(target: effect.target, source: effect.source, number: effect.number, what: what))
        }
    }
}
