// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct DeterminismTests {
    private let configuration = WorldConfiguration(
        width: 60, height: 60, moveIntervalMilliseconds: 100, seed: 21)

    private struct Run: Equatable {
        var frames: [[UInt8]] = []
        var digests: [UInt64] = []
        var states: [UInt64] = []
    }

    private func record(seed: UInt64) -> ([[Operation]], Run) {
        let world = TestWorld(configuration)
        var walk = RandomWalk(seed: seed, players: 50, workers: 1)
        var run = Run()
        for _ in 0..<100 {
            walk.act(in: world)
            let frame = world.step()
            run.frames.append(contents(of: frame))
            run.digests.append(frame.digest)
            run.states.append(world.region.stateHash)
        }
        return (world.log, run)
    }

    /// Plays a log with its sessions spread over batches, which come in an order of their own in each tick.
    private func replay(_ log: [[Operation]], batches count: Int, shuffle: UInt64) -> Run {
        var dice = Dice(seed: shuffle)
        var region = Region(configuration: configuration, workers: count, capacity: 2)
        let batches = (0..<count).map { CommandBatch(worker: $0, capacity: 1) }
        let effects = EffectBatch(capacity: 1)
        var numbers: [UInt64: UInt32] = [:]
        var run = Run()
        for (index, operations) in log.dropLast().enumerated() {
            for operation in operations {
                numbers[operation.session, default: 0] += 1
                let batch = Int(hash(seed: shuffle, tick: 0, thing: operation.session, draw: 0) % UInt64(count))
                operation.append(to: batches[batch], number: numbers[operation.session] ?? 0)
            }
            let tick = UInt64(index + 1)
            for batch in batches { batch.close(tick: tick, settledThrough: tick - 1) }
            region.decide(tick: tick, commands: batches.shuffled(using: &dice), into: effects)
            for batch in batches { batch.removeAll() }
            let frame = region.apply([effects])
            run.frames.append(contents(of: frame))
            run.digests.append(frame.digest)
            run.states.append(region.stateHash)
        }
        return run
    }

    @Test("a log gives the same bytes and hashes again, in one batch or five, in any order", arguments: 1...4)
    func replays(seed: UInt64) {
        let (log, original) = record(seed: seed)
        for (count, shuffle) in [(1, 1), (2, 2), (5, 3), (5, 4)] as [(Int, UInt64)] {
            let copy = replay(log, batches: count, shuffle: shuffle)
            #expect(copy.frames == original.frames)
            #expect(copy.digests == original.digests)
            #expect(copy.states == original.states)
        }
        #expect(Set(original.states).count == original.states.count)
    }

    @Test("the hash of a sector changes when something in it does, and the others' stay")
    func sectors() {
        let world = TestWorld(configuration)
        world.place(session(1), at: 10, 10)
        world.place(session(2), at: 50, 50)
        let here = world.region.grid.sector(x: 10, y: 10)
        let there = world.region.grid.sector(x: 50, y: 50)
        let before = (world.region.stateHash(of: here), world.region.stateHash(of: there))
        for _ in 0..<5 { world.step() }
        world.move(session(1), to: 11, 11)
        world.step()
        let after = (world.region.stateHash(of: here), world.region.stateHash(of: there))
        #expect(before.0 != after.0 && before.1 == after.1 && before.0 != before.1)
    }

    @Test("effects are applied by (target, class, source, number), in whatever order and batches they come")
    func effectOrder() {
        let (log, original) = record(seed: 9)
        var region = Region(configuration: configuration)
        let batch = CommandBatch(worker: 0)
        let effects = EffectBatch()
        let split = [EffectBatch(), EffectBatch(), EffectBatch()]
        var numbers: [UInt64: UInt32] = [:]
        for (index, operations) in log.dropLast().enumerated() {
            for operation in operations {
                numbers[operation.session, default: 0] += 1
                operation.append(to: batch, number: numbers[operation.session] ?? 0)
            }
            batch.close(tick: UInt64(index + 1), settledThrough: UInt64(index))
            region.decide(tick: UInt64(index + 1), commands: [batch], into: effects)
            batch.removeAll()
            deal(effects, to: split)
            #expect(contents(of: region.apply(split)) == original.frames[index])
            #expect(region.stateHash == original.states[index])
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
