// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire
import World

@testable import Bots

/// How a session opens and ends: what is right passes, and each check can fail.
@Suite("Bot: sessions")
struct BotOpeningTests {
    private let welcome = Welcome(session: 1, serverTime: 0, heartbeat: 10_000, maximumPacket: 16_384)

    private func loginResult(code: UInt8 = 0, request: UInt32 = 1, characters: Int = 1) -> LoginResult {
        let list = (0..<characters).map { LoginResult.Character(id: UInt64($0 + 5), name: "bot-1-42") }
        return LoginResult(request: request, code: code, text: code == 0 ? "" : "no", characters: list)
    }

    @Test func wholeSession() {
        var bench = BotBench(.greeting)
        #expect(bench.receive(welcome) == .login)
        #expect(bench.receive(loginResult()) == .select(character: 5))
        #expect(bench.receive(bench.enterWorld()) == .walk)
        #expect(bench.receive(Ping(token: 9)) == .pong(token: 9))
        bench.bot.stage = .leaving
        #expect(bench.receive(RequestResult(request: 3, code: .ok)) == .leave)
        #expect(bench.bot.stage == .left)
        bench.expectFailed()
        #expect(bench.record.tick == 50)
    }

    @Test func refusedLogin() {
        for result in [loginResult(code: 1), loginResult(request: 9), loginResult(characters: 0)] {
            var bench = BotBench(.loggingIn)
            #expect(bench.receive(result) == .leave)
            bench.expectFailed(.sessionsOpen)
        }
    }

    @Test func refusedEntry() {
        var bench = BotBench(.entering)
        #expect(bench.receive(bench.enterWorld(code: .full)) == .leave)
        bench.expectFailed(.sessionsOpen)
    }

    @Test func insaneEntry() {
        var bench = BotBench(.entering)
        bench.receive(bench.enterWorld(x: 100))
        bench.expectFailed(.enterWorldSane)
    }

    @Test("Two bots with one object") func sameObject() {
        var bench = BotBench(.entering)
        bench.receive(bench.enterWorld())
        bench.bot = Bot(number: 43, seed: 1)
        bench.bot.stage = .entering
        bench.receive(bench.enterWorld())
        bench.expectFailed(.enterWorldSane)
    }

    @Test("Packets that come too early, too late or twice") func wrongState() {
        var bench = BotBench(.loggingIn)
        #expect(bench.receive(welcome) == .none)
        #expect(bench.receive(bench.enterWorld()) == .none)
        bench.receive(AddObject(object: 1, kind: .player, x: 1, y: 1, name: "a"))
        bench.receive(RequestResult(request: 3, code: .ok))
        bench.receive(Pong(token: 1, time: 1))
        bench.bot.stage = .left
        bench.receive(MoveObject(object: 1, x: 1, y: 1))
        #expect(bench.record.checks[.packetState].failures == 6)
        bench.expectFailed(.packetState)
    }

    @Test func badLogout() {
        var bench = BotBench(.leaving)
        #expect(bench.receive(RequestResult(request: 3, code: .notInWorld)) == .leave)
        bench.expectFailed(.logoutAnswered)
    }

    @Test func goodbye() {
        var bench = BotBench.walking()
        #expect(bench.receive(Goodbye(reason: .kicked, text: "out")) == .leave)
        bench.expectFailed(.sessionsLast)
        #expect(bench.record.disconnected == 1)
        #expect(bench.record.checks[.sessionsLast].detail.contains("bot 42, goodbye: kicked 'out' while walking"))
        #expect(bench.record.farewell == nil)
    }

    @Test func serverDrains() {
        var bench = BotBench.walking()
        #expect(bench.receive(Goodbye(reason: .shuttingDown, text: "bye")) == .serverLeaves)
        #expect(bench.record.farewell == "bye")
    }

    @Test func unknownType() {
        var bench = BotBench.walking()
        bench.receive(raw: [1, 2, 3], type: 777)
        bench.expectFailed(.packetTypes)
    }

    @Test("Bodies too short, too long, or with a value that may not be") func badForm() {
        let moveResult: [UInt8] = Array(repeating: 0, count: 16)
        let tooLong: [UInt8] = Array(repeating: 0, count: 9)
        let badKind: [UInt8] = [1, 0, 0, 0, 9, 0, 0, 0, 0, 0]
        var bench = BotBench.walking()
        bench.receive(raw: moveResult, type: MoveResult.type)
        bench.receive(raw: tooLong, type: MoveObject.type)
        bench.receive(raw: badKind, type: AddObject.type)
        bench.receive(raw: [], type: RemoveObject.type)
        bench.receive(raw: [], type: Goodbye.type)
        #expect(bench.record.checks[.packetForm].failures == 5)
        bench.expectFailed(.packetForm)
    }

    @Test("No body of any length makes a bot trap", arguments: [1, 2, 3, 4, 5, 16, 128, 129, 130, 131, 132, 133, 134])
    func anyBytes(type: UInt16) {
        for length in 0..<140 {
            for filler in [0x00, 0x41, 0xFF] as [UInt8] {
                var bench = BotBench.walking()
                bench.receive(raw: Array(repeating: filler, count: length), type: PacketType(rawValue: type))
                bench.receive(raw: Array(repeating: filler, count: length), type: MoveResult.type)
            }
        }
    }
}
