// SPDX-License-Identifier: Apache-2.0

import Testing
import World

/// Sessions whose clients do not read: the world tells them of nothing, and of everything when they read on.
@Suite struct HushTests {
    private func world(regions: Int = 1, monsters: Int = 0) -> TestWorld {
        TestWorld(
            WorldConfiguration(
                width: 40, height: 64, moveIntervalMilliseconds: 0, seed: 6, spawnArea: 1, monsters: monsters),
            workers: 1, regions: regions)
    }

    /// All objects but its own in the sectors that a session is subscribed to.
    private func objects(_ world: TestWorld, around session: UInt64) -> [UInt32: [UInt16]] {
        guard let own = world.entity(session) else { return [:] }
        let area = world.grid.area(x: own.x, y: own.y)
        var places: [UInt32: [UInt16]] = [:]
        world.network.forEachEntity { entity in
            guard entity.object != own.object, area.contains(world.grid.sector(x: entity.x, y: entity.y)) else {
                return
            }
            places[entity.object] = [entity.x, entity.y]
        }
        return places
    }

    private func known(_ client: WorldClient) -> [UInt32: [UInt16]] { client.known.mapValues { [$0.x, $0.y] } }

    private func shuffle(_ world: TestWorld, _ walkers: ClosedRange<Int>, _ step: Int) {
        for slot in walkers {
            guard let entity = world.entity(session(slot)) else { continue }
            world.move(session(slot), to: Int(entity.x) + (step % 2 == 0 ? 1 : -1), Int(entity.y))
        }
    }

    @Test("who does not read is told that nothing is in view, then of nothing, then of everything", arguments: [1, 2])
    func hushAndRefresh(regions: Int) throws {
        let world = world(regions: regions)
        for slot in 1...5 { world.place(session(slot), at: 20, 29 + slot % 3) }
        world.step()
        let deaf = world.client(session(1))
        #expect(known(deaf).count == 4 && known(deaf) == objects(world, around: session(1)))
        world.perform(.hush(session: session(1), true))
        world.step()
        #expect(known(deaf).count == 4)
        shuffle(world, 2...5, 0)
        world.step()
        #expect(known(deaf).isEmpty && deaf.deliveries == 1)
        for step in 1..<20 {
            shuffle(world, 2...5, step)
            world.step()
            #expect(deaf.deliveries == 0)
            #expect(known(world.client(session(2))) == objects(world, around: session(2)))
        }
        // Some have gone, somebody has come.
        world.perform(.leave(session: session(3)))
        world.place(session(9), at: 21, 30)
        world.perform(.hush(session: session(1), false))
        world.step()
        #expect(known(deaf).isEmpty)
        shuffle(world, 4...5, 1)
        world.step()
        #expect(known(deaf).count == 4 && known(deaf) == objects(world, around: session(1)))
        shuffle(world, 2...5, 0)
        world.step()
        #expect(known(deaf) == objects(world, around: session(1)))
    }

    @Test("what it asks is answered meanwhile, wherever it goes, and others see it", arguments: [1, 2])
    func answers(regions: Int) throws {
        let world = world(regions: regions)
        world.place(session(1), at: 20, 20)
        world.place(session(2), at: 20, 20)
        world.perform(.hush(session: session(1), true))
        // Also a command of the same tick and one in which its view would change; row 32 is the border.
        for y in 21...44 {
            world.move(session(1), to: 20, y)
            world.move(session(2), to: 20, y)
            world.step()
            let client = world.client(session(1))
            #expect(client.moves.map(\.code) == [0] && client.y == UInt16(y))
            let object = try #require(world.entity(session(1))?.object)
            #expect(world.client(session(2)).known[object]?.y == UInt16(y))
        }
        #expect(world.client(session(1)).known.isEmpty)
        world.perform(.hush(session: session(1), false))
        world.move(session(1), to: 20, 45)
        world.step()
        world.step()
        #expect(known(world.client(session(1))) == objects(world, around: session(1)))
    }

    @Test("what has been held back comes before the view is taken away, and monsters are told of again")
    func ambient() throws {
        let world = world(regions: 2, monsters: 400)
        let (deaf, other) = (session(1), session(2))
        world.enter(deaf)
        world.enter(other)
        for _ in 0..<8 { world.step() }
        var rounds = 0
        for step in 0..<200 {
            // Out of turn, so that something waits.
            let isTurn = world.tick % 4 == 0
            if step % 10 == 3, !isTurn { world.perform(.hush(session: deaf, true)) }
            if step % 10 == 8 { world.perform(.hush(session: deaf, false)) }
            world.step()
            if step % 10 == 9 {
                rounds += 1
                #expect(known(world.client(deaf)) == objects(world, around: deaf))
            }
        }
        #expect(rounds == 20 && world.client(deaf).known.count > 20)
    }

    @Test("who is alone and hushed has nobody look: monsters sleep")
    func sleep() {
        let world = world(monsters: 400)
        world.enter(session(1))
        for _ in 0..<30 { world.step() }
        world.perform(.hush(session: session(1), true))
        world.step()
        for _ in 0..<30 { #expect(world.step().monsterSteps == 0) }
        world.perform(.hush(session: session(1), false))
        world.step()
        var steps = 0
        for _ in 0..<30 { steps += world.step().monsterSteps }
        #expect(steps > 100)
    }

    @Test("hushing twice, refreshing who was not, both in one tick, strangers and newcomers: nothing happens")
    func nothing() {
        let world = world()
        world.place(session(2), at: 20, 20)
        world.perform(.hush(session: session(7), true))
        world.place(session(1), at: 20, 21)
        world.perform(.hush(session: session(1), false))
        world.step()
        world.step()
        #expect(world.client(session(1)).deliveries == 0)
        world.perform(.hush(session: session(1), true))
        world.perform(.hush(session: session(1), false))
        world.step()
        world.step()
        #expect(world.client(session(1)).deliveries == 0)
        #expect(known(world.client(session(1))) == objects(world, around: session(1)))
        // In the tick in which it comes.
        world.enter(session(3))
        world.perform(.hush(session: session(3), true))
        world.step()
        world.step()
        #expect(world.entity(session(3))?.isHushed == false)
        #expect(known(world.client(session(3))) == objects(world, around: session(3)))
        // Who leaves while hushed, and comes back, is told of all.
        world.perform(.hush(session: session(1), true))
        world.step()
        world.perform(.logout(session: session(1)))
        world.enter(session(1))
        world.step()
        world.step()
        #expect(known(world.client(session(1))) == objects(world, around: session(1)))
    }
}
