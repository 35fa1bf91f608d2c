// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct ChatTests {
    private let speaker = session(1)
    private let near = session(2)
    private let far = session(3)

    private func world() -> TestWorld {
        let world = TestWorld(
            WorldConfiguration(width: 100, height: 100, moveIntervalMilliseconds: 0, seed: 3))
        world.place(speaker, at: 20, 20)
        world.place(near, at: 28, 28)
        world.place(far, at: 80, 80)
        world.step()
        world.step()
        return world
    }

    @Test("a text is heard by exactly those who are subscribed to the speaker's sector, and answered")
    func heard() throws {
        let world = world()
        let object = try #require(world.entity(speaker)).object
        world.say(speaker, "hello")
        world.step()
        #expect(world.client(near).heard == [WorldClient.Heard(object: object, text: "hello")])
        #expect(world.client(far).heard.isEmpty && world.client(far).bytesThisTick == 0)
        #expect(world.client(speaker).results.map(\.code) == [0])
    }

    @Test("several texts of a tick are heard in their order, with the step between sectors that went with them")
    func order() {
        let world = world()
        for column in 21...25 {
            world.say(speaker, "\(column) a")
            world.move(speaker, to: column, 20)
            world.say(speaker, "\(column) b")
            world.step()
            #expect(world.client(near).heard.map(\.text) == ["\(column) a", "\(column) b"])
        }
        world.say(speaker, "goodbye")
        world.perform(.logout(session: speaker))
        world.step()
        #expect(world.client(near).heard.map(\.text) == ["goodbye"])
    }

    @Test("an unknown scope, an empty text and a text above 300 bytes are refused with a reason")
    func refused() {
        let world = world()
        world.say(speaker, "hello", scope: 1)
        world.say(speaker, "hello", scope: 255)
        world.say(speaker, "")
        world.say(speaker, String(repeating: "x", count: 301))
        world.say(speaker, String(repeating: "x", count: 300))
        world.step()
        let results = world.client(speaker).results
        #expect(
            results.map(\.code) == [
                ResultCode.unknownScope.rawValue, ResultCode.unknownScope.rawValue, ResultCode.emptyText.rawValue,
                ResultCode.textTooLong.rawValue, 0,
            ])
        #expect(results.prefix(4).allSatisfy { !$0.text.isEmpty })
        #expect(world.client(near).heard.map(\.text.utf8.count) == [300])
    }
}
