// SPDX-License-Identifier: Apache-2.0

import Testing
import World

/// Where players come into the world, and how others learn where they stand.
@Suite struct PlaceTests {
    private let configuration = WorldConfiguration(width: 64, height: 48, moveIntervalMilliseconds: 0, seed: 9)

    private func places(_ frame: Frame) -> [UInt64: Tile] {
        var places: [UInt64: Tile] = [:]
        for place in frame.places {
            #expect(places[place.session] == nil, "told twice")
            places[place.session] = place.tile
        }
        return places
    }

    @Test("a character comes back to where it left, on every tile of the map", arguments: [(0, 0), (63, 47), (20, 30)])
    func comesBack(x: UInt16, y: UInt16) {
        let world = TestWorld(configuration)
        world.enter(session(1), at: Tile(x: x, y: y))
        world.step()
        #expect(world.client(session(1)).entered.map { Tile(x: $0.x, y: $0.y) } == [Tile(x: x, y: y)])
        #expect(world.entity(session(1)).map { Tile(x: $0.x, y: $0.y) } == Tile(x: x, y: y))
    }

    @Test(
        "a tile that is not on the map is as good as none",
        arguments: [(64, 0), (0, 48), (65_535, 65_535), (48, 63)])
    func outside(x: UInt16, y: UInt16) throws {
        let world = TestWorld(configuration)
        let object = world.enter(session(1), at: Tile(x: x, y: y))
        world.step()
        let entered = try #require(world.client(session(1)).entered.first)
        #expect(Tile(x: entered.x, y: entered.y) == configuration.entrance(of: object, at: nil))
    }

    @Test("a frame tells where players stand who came or moved, and nobody else")
    func told() throws {
        let world = TestWorld(configuration)
        world.enter(session(1), at: Tile(x: 10, y: 10))
        world.enter(session(2, worker: 0), at: Tile(x: 30, y: 30))
        #expect(places(world.step()) == [session(1): Tile(x: 10, y: 10), session(2): Tile(x: 30, y: 30)])
        world.say(session(2), "hello")
        world.move(session(1), to: 11, 10)
        #expect(places(world.step()) == [session(1): Tile(x: 11, y: 10)])
        world.move(session(1), to: 40, 40)
        #expect(places(world.step()).isEmpty)
        world.move(session(1), to: 12, 10)
        world.move(session(1), to: 11, 10)
        #expect(places(world.step()).isEmpty)
        world.move(session(1), to: 11, 11)
        world.move(session(1), to: 12, 12)
        #expect(places(world.step()) == [session(1): Tile(x: 12, y: 12)])
    }

    @Test("who leaves is told where he stood last, also when he came in the same tick")
    func leaves() throws {
        let world = TestWorld(configuration)
        world.enter(session(1), at: Tile(x: 10, y: 10))
        world.step()
        world.move(session(1), to: 10, 11)
        world.perform(.leave(session: session(1)))
        world.enter(session(2), at: Tile(x: 5, y: 5))
        world.perform(.logout(session: session(2)))
        #expect(places(world.step()) == [session(1): Tile(x: 10, y: 11), session(2): Tile(x: 5, y: 5)])
        #expect(places(world.step()).isEmpty)
    }
}
