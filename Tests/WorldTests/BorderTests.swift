// SPDX-License-Identifier: Apache-2.0

import Testing
import World

/// Two regions whose border is between rows 31 and 32.
@Suite struct BorderTests {
    private let configuration = WorldConfiguration(
        width: 64, height: 64, moveIntervalMilliseconds: 0, seed: 5, spawnArea: 10)
    private let walker = session(1)
    private let north = session(2)
    private let south = session(3, worker: 1)

    private func world(interval: Int = 0) -> TestWorld {
        let world = TestWorld(
            WorldConfiguration(
                width: 64, height: 64, moveIntervalMilliseconds: interval, seed: 5, spawnArea: interval == 0 ? 10 : 1),
            workers: 2, regions: 2)
        guard interval == 0 else { return world }
        world.place(north, at: 20, 30)
        world.place(south, at: 20, 33)
        world.place(walker, at: 21, 31)
        world.step()
        world.step()
        return world
    }

    @Test("who stands on either side of a border is known to the other, each a region's own")
    func neighbours() throws {
        let world = world()
        let (first, second) = try (#require(world.entity(north)), #require(world.entity(south)))
        #expect(world.client(north).known[second.object] != nil)
        #expect(world.client(south).known[first.object] != nil)
        #expect(world.network.peers[0].entity(session: north)?.object == first.object)
        #expect(world.network.peers[1].entity(session: south)?.object == second.object)
        #expect(world.network.peers.map(\.population) == [2, 1])
    }

    @Test("a border is walked along and crossed to and fro, and everybody sees every step and no other thing")
    func crossing() throws {
        let world = world()
        let object = try #require(world.entity(walker)).object
        for (y, region) in [(32, 1), (31, 0), (32, 1), (33, 1), (32, 1), (31, 0), (30, 0)] {
            world.move(walker, to: 21, y)
            world.step()
            #expect(world.client(walker).moves.map(\.code) == [0])
            #expect(world.network.peers[region].entity(session: walker)?.y == UInt16(y))
            #expect(world.network.peers[1 - region].entity(session: walker) == nil)
            #expect(world.network.peers[0].home(of: walker) == region)
            for witness in [north, south] {
                #expect(world.client(witness).known[object]?.y == UInt16(y))
                // One packet, one time: moveObject.
                #expect(world.client(witness).bytesThisTick == 12)
            }
        }
        #expect(world.population == 3)
    }

    @Test("who speaks while he crosses is heard on both sides, before and after")
    func speaking() {
        let world = world()
        world.say(walker, "before")
        world.move(walker, to: 21, 32)
        world.say(walker, "after")
        world.step()
        for witness in [north, south] { #expect(world.client(witness).heard.map(\.text) == ["before", "after"]) }
    }

    @Test("a pause between steps is kept across a border")
    func timers() throws {
        let world = world(interval: 500)
        world.enter(walker)
        world.step()
        let start = try #require(world.entity(walker))
        #expect(start.y == 31 || start.y == 32)
        let other = start.y == 31 ? 32 : 31
        world.move(walker, to: Int(start.x), other)
        world.step()
        #expect(world.client(walker).moves.map(\.code) == [0])
        var refusals = 0
        while world.client(walker).moves.map(\.code) != [0] || refusals == 0 {
            world.move(walker, to: Int(start.x), Int(start.y))
            world.step()
            if world.client(walker).moves.map(\.code) == [MoveCode.tooSoon.rawValue] { refusals += 1 }
        }
        #expect(refusals == 8, "500 ms are ten ticks, of which the last may be early")
    }

    @Test("who leaves in the tick after he crossed, or crosses and leaves in one, is gone everywhere")
    func leaving() throws {
        for inOneTick in [false, true] {
            let world = world()
            let object = try #require(world.entity(walker)).object
            world.move(walker, to: 21, 32)
            if !inOneTick { world.step() }
            world.perform(.logout(session: walker))
            world.step()
            #expect(world.client(walker).results.map(\.code) == [0])
            for witness in [north, south] { #expect(world.client(witness).known[object] == nil) }
            #expect(world.population == 2 && world.network.peers[0].home(of: walker) == nil)
        }
    }

    @Test("who leaves in one region may come back in the same tick in another")
    func comingBack() throws {
        let world = world()
        var regions: Set<Int> = []
        for _ in 0..<20 {
            world.perform(.logout(session: north))
            world.enter(north)
            world.step()
            world.step()
            let home = try #require(world.network.peers[0].home(of: north))
            regions.insert(home)
            #expect(world.network.peers[home].entity(session: north) != nil)
            #expect(world.population == 3)
        }
        #expect(regions == [0, 1])
    }

    @Test("who comes into the world takes his first step in the next tick")
    func firstStep() throws {
        let world = world()
        world.enter(session(7))
        for x in 20..<40 { for y in 20..<40 { world.move(session(7), to: x, y) } }
        world.step()
        #expect(world.client(session(7)).moves.allSatisfy { $0.code == MoveCode.tooSoon.rawValue })
        let entity = try #require(world.entity(session(7)))
        world.move(session(7), to: Int(entity.x), Int(entity.y) + 1)
        world.step()
        #expect(world.client(session(7)).moves.map(\.code) == [0])
    }

    @Test("many steps of one tick may end in any region")
    func far() throws {
        let tall = WorldConfiguration(width: 8, height: 249, moveIntervalMilliseconds: 0, seed: 5)
        let world = TestWorld(tall, workers: 1, regions: 8)
        world.place(walker, at: 4, 2)
        world.place(north, at: 4, 3)
        world.place(south, at: 4, 246)
        world.step()
        world.step()
        let object = try #require(world.entity(walker)).object
        for y in 3...245 { world.move(walker, to: 4, y) }
        world.step()
        #expect(world.network.peers[7].entity(session: walker)?.y == 245)
        #expect(world.client(north).known[object] == nil && world.client(south).known[object]?.y == 245)
        world.step()
        #expect(world.client(walker).known.count == 1)
        world.move(walker, to: 4, 244)
        world.step()
        #expect(world.client(walker).moves.map(\.code) == [0])
    }
}
