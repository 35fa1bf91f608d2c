// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire
import World

@testable import Bots

/// What happens in the world: what is right passes, and each check can fail.
@Suite("Bot: world")
struct BotWorldTests {
    private func answer(_ move: Move, code: MoveCode = .ok) -> MoveResult {
        MoveResult(sequence: move.sequence, clientTime: move.clientTime, code: code, x: move.x, y: move.y)
    }

    private func add(_ object: UInt32, x: UInt16 = 10, y: UInt16 = 10) -> AddObject {
        AddObject(object: object, kind: .player, x: x, y: y, name: "n")
    }

    // MARK: Moves

    @Test("Moves under way are answered in order; delays count from the intended time") func inOrder() {
        var bench = BotBench.walking()
        let moves = (0..<3).map { _ in bench.bot.step(within: bench.bot.map) }
        #expect(moves.map(\.sequence) == [0, 1, 2])
        #expect(moves.map(\.clientTime) == [1_000_000, 2_000_000, 3_000_000])
        bench.now = 3_100_000
        #expect(bench.receive(answer(moves[0])) == .moved(delay: 2_100_000))
        #expect(bench.receive(answer(moves[1])) == .moved(delay: 1_100_000))
        #expect(bench.receive(answer(moves[2])) == .moved(delay: 100_000))
        bench.expectFailed()
        #expect(bench.bot.pending.count == 0)
    }

    @Test("Every step is to a neighbour on the map") func walk() {
        var bench = BotBench(.entering)
        bench.receive(bench.enterWorld(x: 0, y: 99))
        var (x, y) = (0, 99)
        for _ in 0..<5_000 {
            let move = bench.bot.step(within: bench.bot.map)
            #expect(max(abs(Int(move.x) - x), abs(Int(move.y) - y)) == 1)
            #expect(move.x < 100 && move.y < 100)
            (x, y) = (Int(move.x), Int(move.y))
        }
    }

    @Test func answeredTwice() {
        var bench = BotBench.walking()
        let move = bench.bot.step(within: bench.bot.map)
        bench.receive(answer(move))
        #expect(bench.receive(answer(move)) == .none)
        bench.expectFailed(.movesAnswered)
    }

    @Test("An answer that skips two: those are lost") func skipped() {
        var bench = BotBench.walking()
        let moves = (0..<3).map { _ in bench.bot.step(within: bench.bot.map) }
        bench.receive(answer(moves[2]))
        bench.expectFailed(.movesAnswered)
        #expect(bench.record.lost == 2)
        #expect(bench.bot.pending.count == 0)
    }

    @Test func wrongTime() {
        var bench = BotBench.walking()
        let move = bench.bot.step(within: bench.bot.map)
        bench.receive(
            MoveResult(sequence: 0, clientTime: move.clientTime + 1, code: .ok, x: move.x, y: move.y))
        bench.expectFailed(.movesAnswered)
    }

    @Test("A refused move: the walk goes on where the server says") func refused() {
        var bench = BotBench.walking()
        let move = bench.bot.step(within: bench.bot.map)
        bench.receive(MoveResult(sequence: 0, clientTime: move.clientTime, code: .tooSoon, x: 50, y: 50))
        bench.expectFailed(.movesAccepted)
        #expect(bench.record.checks[.movesAccepted].detail.contains("tooSoon"))
        let next = bench.bot.step(within: bench.bot.map)
        #expect(abs(Int(next.x) - 50) <= 1 && abs(Int(next.y) - 50) <= 1)
    }

    @Test func wrongPosition() {
        var bench = BotBench.walking()
        let move = bench.bot.step(within: bench.bot.map)
        bench.receive(
            MoveResult(sequence: 0, clientTime: move.clientTime, code: .ok, x: move.x, y: move.y + 9))
        bench.expectFailed(.movePositions)
    }

    @Test func unanswered() {
        var bench = BotBench.walking()
        _ = bench.bot.step(within: bench.bot.map)
        _ = bench.bot.step(within: bench.bot.map)
        bench.bot.end(&bench.record)
        bench.bot.end(&bench.record)
        #expect(bench.record.lost == 2)
        bench.expectFailed(.movesAnswered)
    }

    // MARK: Objects

    @Test("Add, move, speak, remove, add again") func lifeOfAnObject() {
        var bench = BotBench.walking()
        bench.receive(add(9))
        bench.receive(MoveObject(object: 9, x: 11, y: 9))
        bench.receive(ChatMessage(object: 9, scope: 0, text: "hi"))
        bench.receive(RemoveObject(object: 9))
        bench.receive(add(9, x: 90))
        bench.expectFailed()
        #expect(bench.record.checks[.oneTileSteps].count == 1)
    }

    @Test("Looking ahead reads rows of packets, and nothing traps it") func lookAhead() {
        var bench = BotBench.walking()
        bench.receive(add(9, x: 3, y: 4))
        let move: [UInt8] = [12, 0, 131, 0, 9, 0, 0, 0, 1, 0, 1, 0]
        let other: [UInt8] = [5, 0, 132, 0, 7]
        let entry = UInt64(9) << 32 | UInt64(3) << 16 | UInt64(4)
        func ahead(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { bench.bot.lookAhead($0) } }
        #expect(ahead(move + other + move) == 2 * entry)
        #expect(ahead(move + other + move.dropLast()) == entry)
        #expect(ahead(other) == 0 && ahead([]) == 0)
        for size in [0, 1, 3] as [UInt8] { #expect(ahead(move + [size, 0] + move) == entry) }
        #expect(ahead(move + [255, 255] + move) == entry)
        #expect(ahead([255, 255, 131, 0] + [UInt8](repeating: 255, count: 60)) != entry)
        #expect(bench.bot.known.position(of: 9)?.x == 3, "nothing has changed")
    }

    @Test("Its own object is not its business") func ownObject() {
        var bench = BotBench.walking()
        bench.receive(add(7, x: 500))
        bench.receive(MoveObject(object: 7, x: 1, y: 1))
        bench.receive(ChatMessage(object: 7, scope: 0, text: "hi"))
        bench.receive(RemoveObject(object: 7))
        bench.expectFailed()
    }

    @Test func addedTwice() {
        var bench = BotBench.walking()
        bench.receive(add(9))
        bench.receive(add(9))
        bench.expectFailed(.objectsAddedOnce)
        #expect(bench.record.checks[.objectsAddedOnce].first == "bot 42, addObject: object 9 is known already")
    }

    @Test func removedTwice() {
        var bench = BotBench.walking()
        bench.receive(add(9))
        bench.receive(RemoveObject(object: 9))
        bench.receive(RemoveObject(object: 9))
        bench.expectFailed(.objectsRemovedOnce)
    }

    @Test func strangerMoves() {
        var bench = BotBench.walking()
        bench.receive(MoveObject(object: 9, x: 1, y: 1))
        bench.expectFailed(.moversKnown)
    }

    @Test func strangerSpeaks() {
        var bench = BotBench.walking()
        bench.receive(ChatMessage(object: 9, scope: 0, text: "hi"))
        bench.expectFailed(.speakersKnown)
    }

    @Test func jump() {
        var bench = BotBench.walking()
        bench.receive(add(9))
        bench.receive(MoveObject(object: 9, x: 12, y: 10))
        bench.expectFailed(.oneTileSteps)
    }

    @Test func offTheMap() {
        var bench = BotBench.walking()
        bench.receive(add(9, x: 100))
        bench.receive(MoveObject(object: 9, x: 101, y: 10))
        #expect(bench.record.checks[.positionsOnMap].failures == 2)
        bench.expectFailed(.positionsOnMap)
    }
}
