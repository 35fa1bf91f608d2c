// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct MonsterTests {
    private func configuration(_ monsters: Int, tick: Int = 50, width: Int = 200, height: Int = 200)
        -> WorldConfiguration
    {
        WorldConfiguration(
            width: width, height: height, tickMilliseconds: tick, moveIntervalMilliseconds: 0, seed: 6, spawnArea: 1,
            monsters: monsters)
    }

    private func places(_ world: TestWorld) -> [UInt32: [UInt16]] {
        var places: [UInt32: [UInt16]] = [:]
        world.network.forEachEntity { if $0.kind == .monster { places[$0.object] = [$0.x, $0.y] } }
        return places
    }

    @Test(
        "every monster is there from the beginning, where the seed says, on any number of regions",
        arguments: [1, 2, 6])
    func beginning(regions: Int) {
        let world = TestWorld(configuration(500), regions: regions)
        let places = places(world)
        #expect(places.count == 500 && world.population == 500)
        #expect(places.keys.sorted() == (0..<500).map { Monsters.first + $0 })
        for (object, place) in places {
            let x = reduce(hash(seed: 6, tick: 0, thing: UInt64(object), draw: 3), below: 200)
            let y = reduce(hash(seed: 6, tick: 0, thing: UInt64(object), draw: 4), below: 200)
            #expect(place == [UInt16(x), UInt16(y)])
        }
    }

    @Test("nobody is in the world: nothing moves")
    func asleep() {
        let world = TestWorld(configuration(500), regions: 3)
        let before = places(world)
        for _ in 0..<100 {
            #expect(world.step().monsterSteps == 0)
            for frame in world.network.frames { #expect(frame?.monsterSteps == 0 && frame?.encodes == 0) }
        }
        #expect(places(world) == before)
    }

    @Test("who is seen wanders once a second, one tile, and sleeps again when the last who looked has gone")
    func awake() throws {
        let world = TestWorld(configuration(3_000))
        let viewer = session(1)
        world.enter(viewer)
        world.step()
        let area = try #require(world.entity(viewer)).subscription
        func isSeen(_ place: [UInt16]) -> Bool { area.contains(world.grid.sector(x: place[0], y: place[1])) }
        var last = places(world)
        var moves: [UInt32: Int] = [:]
        for _ in 0..<100 {
            world.step()
            let now = places(world)
            for (object, place) in now where place != last[object] {
                let old = try #require(last[object])
                #expect(isSeen(old), "a monster that nobody sees moved")
                #expect(abs(Int(place[0]) - Int(old[0])) <= 1 && abs(Int(place[1]) - Int(old[1])) <= 1)
                moves[object, default: 0] += 1
            }
            last = now
        }
        // Five seconds; those that come to another sector may step sooner or later there.
        let total = moves.values.reduce(0, +)
        #expect(total > moves.count * 3 && total < moves.count * 7 && moves.count > 50)
        world.perform(.leave(session: viewer))
        world.step()
        let before = places(world)
        for _ in 0..<50 { #expect(world.step().monsterSteps == 0) }
        #expect(places(world) == before)
    }

    @Test("a sector sleeps exactly while no session anywhere is subscribed to it, also across borders")
    func watchers() throws {
        let world = TestWorld(configuration(2_000, tick: 100), workers: 2, regions: 5)
        var walk = RandomWalk(seed: 8, players: 12, workers: 2)
        for _ in 0..<80 {
            walk.act(in: world)
            var watched: [SectorArea] = []
            for slot in 0..<12 {
                let session = session(slot, worker: UInt8(slot % 2))
                if let entity = world.entity(session) { watched.append(entity.subscription) }
            }
            let before = places(world)
            world.step()
            for (object, place) in places(world) where place != before[object] {
                let old = try #require(before[object])
                let sector = world.grid.sector(x: old[0], y: old[1])
                #expect(watched.contains { $0.contains(sector) })
            }
        }
    }

    @Test("a world with monsters is the same on 1, 2, 5 and 8 regions, in any order", arguments: 1...2)
    func determinism(seed: UInt64) {
        let tower = WorldConfiguration(
            width: 40, height: 256, moveIntervalMilliseconds: 0, seed: seed, monsters: 1_500)
        let world = TestWorld(tower, workers: 2)
        var recording = Recording()
        world.network.changed = { recording.add($0, $1, $2) }
        var walk = RandomWalk(seed: seed, players: 25, workers: 2)
        for _ in 0..<60 {
            walk.act(in: world)
            world.step { recording.add($0, $1, $2, $3) }
        }
        for regions in [1, 2, 5, 8] {
            let copy = play(world.log.dropLast(), tower, regions: regions, workers: 2, order: seed)
            #expect(copy.difference(from: recording) == nil, "\(regions) regions")
        }
    }

    @Test("a log of a world with monsters is identical on 1 and 8 regions")
    func replay() throws {
        let tower = WorldConfiguration(width: 40, height: 256, moveIntervalMilliseconds: 0, seed: 4, monsters: 1_500)
        let bytes = recordedRun(tower, regions: 2, workers: 2, players: 20, ticks: 40, seed: 3)
        for regions in [1, 8] {
            let difference = try bytes.withUnsafeBytes { bytes in
                var replay = try Replay(RunLog(bytes), regions: regions)
                return try replay.run()
            }
            #expect(difference == nil)
        }
    }

    @Test("a player with the number of a monster ends the program")
    func numbers() async {
        await #expect(processExitsWith: .failure) {
            let world = TestWorld(WorldConfiguration(width: 20, height: 20))
            world.perform(.enter(session: session(1), object: Monsters.first, name: "x"))
            world.step()
        }
    }
}
