// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct EntranceTests {
    private let configuration = WorldConfiguration(
        width: 64, height: 48, tickMilliseconds: 40, moveIntervalMilliseconds: 0, seed: 9)

    @Test("a player appears where the hash of his number says, and is told the rules of the map")
    func enters() {
        let world = TestWorld(configuration)
        let object = world.enter(session(1))
        world.step()
        let x = reduce(hash(seed: 9, tick: 0, thing: UInt64(object), draw: 1), below: 64)
        let y = reduce(hash(seed: 9, tick: 0, thing: UInt64(object), draw: 2), below: 48)
        let expected = EnterWorld(
            request: 1, code: .ok, object: object, x: UInt16(x), y: UInt16(y), configuration: configuration)
        #expect(world.client(session(1)).entered == [expected])
        #expect(expected.width == 64 && expected.height == 48 && expected.view == 15 && expected.tick == 40)
        #expect(world.population == 1)
    }

    @Test("a spawn area is a square in the middle of the map")
    func spawnArea() {
        let world = TestWorld(WorldConfiguration(width: 100, height: 60, spawnArea: 10))
        for slot in 0..<200 { world.enter(session(slot)) }
        world.step()
        for slot in 0..<200 {
            let client = world.client(session(slot))
            #expect((45..<55).contains(client.x) && (25..<35).contains(client.y))
        }
    }

    @Test("what stands around is told in the tick after the entrance, and the newcomer to the others at once")
    func whoIsThere() {
        let world = TestWorld(WorldConfiguration(width: 16, height: 16))
        let first = world.enter(session(1), name: "first")
        world.step()
        world.step()
        let second = world.enter(session(2), name: "second")
        world.step()
        #expect(world.client(session(1)).known[second]?.name == "second")
        #expect(world.client(session(2)).known.isEmpty)
        world.step()
        #expect(world.client(session(2)).known[first]?.name == "first")
    }

    @Test("who is in the world already is told where, and is not put there twice")
    func twice() throws {
        let world = TestWorld(configuration)
        let object = world.enter(session(1))
        world.enter(session(1))
        world.step()
        world.enter(session(1))
        let codesBefore = world.client(session(1)).entered.map(\.code)
        world.step()
        let again = try #require(world.client(session(1)).entered.first)
        #expect(codesBefore == [0, 1] && again.code == EnterCode.alreadyInWorld.rawValue)
        #expect(again.object == object && world.population == 1)
    }

    @Test("a logout is answered, a disconnect is not, and both take the object away")
    func leaves() throws {
        let world = TestWorld(WorldConfiguration(width: 16, height: 16))
        for slot in 1...3 { world.enter(session(slot)) }
        world.step()
        world.step()
        #expect(world.client(session(1)).known.count == 2)
        world.perform(.logout(session: session(2)))
        world.perform(.leave(session: session(3)))
        world.step()
        #expect(world.client(session(1)).known.isEmpty)
        #expect(world.client(session(2)).results.map(\.code) == [0])
        #expect(world.population == 1)
    }

    @Test("commands of sessions that are not in the world change nothing and are answered")
    func unknown() {
        let world = TestWorld(configuration)
        world.perform(.leave(session: session(1)))
        world.step()
        world.perform(.logout(session: session(2)))
        world.move(session(2), to: 1, 1)
        world.say(session(2), "is anybody there?")
        world.step()
        #expect(world.client(session(2)).results.map(\.code) == [1, 1])
        #expect(world.client(session(2)).moves.map(\.code) == [MoveCode.notInWorld.rawValue])
        #expect(world.population == 0)
    }

    @Test("a session may leave and come back as another object in one tick", arguments: [UInt32(5), 500])
    func comesBack(new: UInt32) throws {
        let world = TestWorld(WorldConfiguration(width: 16, height: 16))
        let witness = session(9)
        world.enter(witness)
        let old = world.enter(session(1))
        world.step()
        world.step()
        world.perform(.logout(session: session(1)))
        world.perform(.enter(session: session(1), object: new, name: "again"))
        world.step()
        #expect(world.entity(session(1))?.object == new)
        #expect(Array(world.client(witness).known.keys) == [new])
        #expect(world.client(session(1)).object == new)
        world.step()
        #expect(world.client(session(1)).known.count == 1)
        #expect(world.client(session(1)).known[old] == nil)
    }

    @Test("a session that comes and goes within a tick leaves no trace")
    func comesAndGoes() {
        let world = TestWorld(WorldConfiguration(width: 16, height: 16))
        world.enter(session(9))
        world.step()
        world.step()
        world.enter(session(1))
        world.say(session(1), "hello")
        world.perform(.logout(session: session(1)))
        let frame = world.step()
        #expect(frame.encodes == 0 && frame.ended.isEmpty && frame.subscriptions.isEmpty)
        #expect(world.client(session(9)).bytesThisTick == 0)
        #expect(world.client(session(1)).results.map(\.code) == [0, 0])
        #expect(world.population == 1)
    }
}
