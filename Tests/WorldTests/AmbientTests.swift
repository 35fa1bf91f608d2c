// SPDX-License-Identifier: Apache-2.0

import Testing
import World

/// When players are told of what monsters do.
@Suite struct AmbientTests {
    private func world(regions: Int = 1, monsters: Int = 1_500) -> TestWorld {
        TestWorld(
            WorldConfiguration(
                width: 64, height: 128, moveIntervalMilliseconds: 0, seed: 6, spawnArea: 1, monsters: monsters),
            workers: 1, regions: regions)
    }

    /// The monsters in the sectors that a session is subscribed to.
    private func monsters(_ world: TestWorld, around session: UInt64) -> [UInt32: [UInt16]] {
        guard let area = world.entity(session)?.subscription else { return [:] }
        var places: [UInt32: [UInt16]] = [:]
        world.network.forEachEntity { entity in
            guard entity.kind == .monster, area.contains(world.grid.sector(x: entity.x, y: entity.y)) else { return }
            places[entity.object] = [entity.x, entity.y]
        }
        return places
    }

    private func known(_ client: WorldClient) -> [UInt32: [UInt16]] {
        client.known.filter { $0.key >= Monsters.first }.mapValues { [$0.x, $0.y] }
    }

    @Test("who stands still is told every fourth tick, each session in the ticks of its number", arguments: [1, 4])
    func turns(regions: Int) {
        let world = world(regions: regions)
        for slot in 1...4 { world.enter(session(slot)) }
        world.step()
        world.step()
        var told = 0
        var waited = 0
        for _ in 0..<80 {
            world.step()
            for slot in 1...4 {
                let client = world.client(session(slot))
                let isTurn = UInt64(slot) % 4 == world.tick % 4
                #expect(isTurn || client.deliveries == 0)
                let isExact = known(client) == monsters(world, around: session(slot))
                #expect(!isTurn || isExact)
                told += client.deliveries
                waited += isExact ? 0 : 1
            }
        }
        // Nearly every turn has something, and nearly every other tick has something that waits.
        #expect(told > 70 && told <= 80 && waited > 100)
    }

    @Test("anything prompt takes along what has waited, before it")
    func alongside() {
        let world = world()
        let (listener, speaker) = (session(1), session(2))
        world.enter(listener)
        world.enter(speaker)
        world.step()
        world.step()
        for _ in 0..<40 {
            world.say(speaker, "listen")
            world.step()
            for session in [listener, speaker] {
                #expect(known(world.client(session)) == monsters(world, around: session))
            }
            #expect(world.client(listener).heard.map(\.text) == ["listen"])
        }
    }

    @Test("what has waited comes before a change of the view, which is told from there")
    func changes() throws {
        let world = world(regions: 4)
        let walker = session(1)
        world.enter(walker)
        world.step()
        world.step()
        var changes = 0
        for step in 0..<60 {
            let place = try #require(world.entity(walker))
            // Three ticks of standing still, then a step: always out of turn.
            if step % 3 == 0, world.tick % 4 != 0 {
                world.move(walker, to: Int(place.x) + (step < 30 ? 1 : -1), Int(place.y) + 1)
            }
            world.step()
            let client = world.client(walker)
            if client.moves.first?.code == 0 { changes += 1 }
            guard client.deliveries > 0, world.entity(walker)?.subscription == place.subscription else { continue }
            #expect(known(client) == monsters(world, around: walker))
        }
        #expect(changes > 10)
    }

    @Test("what has waited comes before a change of the view that nobody asked for")
    func moved() throws {
        let configuration = WorldConfiguration(
            width: 64, height: 64, moveIntervalMilliseconds: 0, seed: 6, spawnArea: 1, monsters: 2_000)
        var region = Region(configuration: configuration)
        var audience = Audience(worker: 0, configuration: configuration)
        let client = WorldClient(session: session(1))
        let batch = CommandBatch(worker: 0)
        let effects = EffectBatch()
        batch.enter(session: session(1), number: 1, request: 1, object: 1, character: 1, name: "x")
        for tick in UInt64(1)...60 {
            batch.close(tick: tick, settledThrough: tick - min(tick, 4))
            region.decide(tick: tick, commands: [batch], into: [effects])
            batch.removeAll()
            let place = region.entity(session: session(1))
            let isPushed = tick > 3 && tick % 5 == 0
            if let place, isPushed {
                // To and fro, so that another view begins each time.
                let x = tick % 2 == 0 ? place.x + 8 : place.x - 8
                effects.append(
                    Effect(target: 1, source: 9, number: 1, what: .step(x: x, y: place.y, nextMove: 0)))
            }
            let frame = region.apply([effects])
            region.absorb([frame])
            client.beginTick()
            audience.begin(frame)
            audience.deliver { _, own, shared in
                client.beginDelivery()
                for index in own.indices { client.receive(own[index]) }
                for index in shared.indices { client.receive(shared[index]) }
            }
            guard isPushed, let place else { continue }
            #expect(client.deliveries <= 1)
            for (object, seen) in known(client) {
                region.forEachEntity { entity in
                    guard entity.object == object else { return }
                    #expect([entity.x, entity.y] == seen, "\(object) around \(place.x), tick \(tick)")
                }
            }
        }
        #expect(known(client).count > 10)
    }

    @Test("a newcomer is not told of what others have waited for", arguments: UInt64(1)...8)
    func newcomers(seed: UInt64) {
        let world = TestWorld(
            WorldConfiguration(
                width: 64, height: 64, viewRadius: 1, moveIntervalMilliseconds: 0, seed: seed, spawnArea: 1,
                monsters: 60))
        world.enter(session(0))
        world.step()
        // Monsters that leave what is seen fall asleep, so the last of them goes at some time.
        while !monsters(world, around: session(0)).isEmpty { world.step() }
        // Somebody comes right then, whose turn is in the third tick from now, and who is alone there by then: nothing
        // is told him before.
        let newcomer = session(Int((world.tick + 3) % 4) + 4)
        world.enter(newcomer)
        world.step()
        world.perform(.leave(session: session(0)))
        for _ in 0..<4 {
            world.step()
            // The client complains of a monster that goes and was never told of.
            #expect(world.client(newcomer).deliveries == 0 && world.client(newcomer).known.isEmpty)
        }
    }

    @Test("a player who does something is told of at once, and blocks of monsters alone are ambient")
    func classes() throws {
        let world = world()
        let (first, second) = (session(1), session(2))
        world.enter(first)
        world.enter(second)
        world.step()
        world.step()
        var kinds: Set<Block.Urgency> = []
        for step in 0..<40 {
            let place = try #require(world.entity(first))
            world.move(first, to: Int(place.x) + (step % 2 == 0 ? 1 : -1), Int(place.y))
            let frame = world.step()
            for block in frame.blocks { kinds.insert(block.urgency) }
            let object = try #require(world.client(second).known[place.object])
            #expect(object.x == world.entity(first)?.x)
        }
        #expect(kinds == [.prompt, .ambient])
        let quiet = TestWorld(WorldConfiguration(width: 64, height: 64, moveIntervalMilliseconds: 0))
        var walk = RandomWalk(seed: 3, players: 20, workers: 1)
        for _ in 0..<40 {
            walk.act(in: quiet)
            #expect(quiet.step().blocks.allSatisfy { $0.urgency == .prompt })
        }
    }
}
