// SPDX-License-Identifier: Apache-2.0

import Load
import Testing
import World

@testable import Bots

/// Whole runs of `hotspot`: everybody gathers, walks and is known, and each check of it can fail.
@Suite("Bots: hotspot", .serialized, .enabled(if: Machine.hasUring, "io_uring is denied here"))
struct HotspotTests {
    private func run(
        _ fault: FakeWorld.Fault? = nil, count: Int = 12
    ) async throws -> (report: BotsReport, server: FakeServer) {
        let server = try FakeServer(.world(fault))
        server.start()
        defer { server.stop() }
        let configuration = BotsConfiguration(
            scenario: .hotspot, address: server.address, count: count, ramp: 200, seconds: 2, seed: 3)
        return (try await play(configuration), server)
    }

    @Test("They walk to the middle, stay there, and everybody knows everybody") func everythingHolds() async throws {
        let (report, server) = try await run()
        #expect(report.isOK, "\(report.summary)")
        #expect(report.scenario == .hotspot && report.connected == 12 && report.lost == 0)
        #expect(report.checks[.everybodyGathers].count == 12)
        #expect(report.checks[.othersKnown].count == 12 * 11)
        #expect(report.delays.count == 24, "12 bots, 2 seconds, one move a second")
        #expect(report.comingMilliseconds >= 2 * 300, "three steps of the way, 300 ms apart")
        #expect(report.entryDelays.count == 12 && report.entryDelays.percentile(1) >= 600_000)
        // Each of the 24 moves is told to 12.
        #expect(abs(Int(report.measuredPackets) - 24 * 12) <= 4 * 12, "\(report.measuredPackets)")
        #expect(report.measuredBytes >= report.measuredPackets * 12)
        for client in Set(server.seen.map(\.client)) {
            let tiles = server.seen.filter { $0.client == client }.map { ($0.move.x, $0.move.y) }
            #expect(tiles.prefix(3).map(\.0) == [44, 45, 46], "the shortest way")
            #expect(tiles.dropFirst(2).allSatisfy { (46...53).contains($0) && (46...53).contains($1) })
        }
    }

    @Test("Moves of somebody are kept from the others") func forgottenMoves() async throws {
        let (report, _) = try await run(.forgetsMoves)
        #expect(report.checks.failed == [.othersKnown])
        #expect(report.checks[.othersKnown].failures == 11, "all others believe that he stands at the entrance")
        #expect(report.checks[.othersKnown].first.contains("is known at (43, 50)"))
    }

    @Test("Somebody is kept from those who were there") func forgottenArrival() async throws {
        let (report, _) = try await run(.forgetsArrivals)
        #expect(report.checks.failed.contains(.othersKnown) && report.checks.failed.contains(.moversKnown))
        #expect(report.checks[.othersKnown].failures == 2)
        #expect(report.checks[.othersKnown].first.contains("is unknown"))
    }

    @Test("Nobody gets there") func nobodyGathers() async throws {
        let (report, _) = try await run(.refusesSteps, count: 2)
        #expect(report.checks.failed == [.everybodyGathers])
        #expect(report.checks[.everybodyGathers].failures == 2)
        #expect(report.checks[.everybodyGathers].first.contains("still at (43, 50)"))
    }

    // MARK: Sight

    /// Bots that stand and know each other, but for what a test changes.
    private func sight(_ places: [(UInt16, UInt16)], _ change: (inout [Bot]) -> Void = { _ in }) -> CheckList.Outcome {
        var bots = places.enumerated().map { index, place in
            var bot = Bot(number: index + 1, seed: 1)
            bot.stage = .standing
            bot.view = 15
            bot.object = UInt32(index + 100)
            (bot.x, bot.y) = place
            return bot
        }
        for index in bots.indices {
            for other in bots.indices where other != index {
                _ = bots[index].known.insert(bots[other].object, x: bots[other].x, y: bots[other].y)
            }
        }
        change(&bots)
        var record = BotsRecord()
        bots.withUnsafeBufferPointer { Sight.check($0, &record) }
        for index in bots.indices { bots[index].known.release() }
        return record.checks[.othersKnown]
    }

    @Test func everybodyIsKnown() {
        let outcome = sight([(5, 5), (12, 5), (5, 12)])
        #expect(outcome.isOK && outcome.count == 6)
    }

    @Test("Who stands in view must be known; who stands beyond may be") func unknown() {
        let inView = sight([(5, 5), (12, 5)]) { _ = $0[0].known.remove(101) }
        #expect(inView.failures == 1 && inView.first.contains("bot 2 stands at (12, 5) and is unknown"))
        let beyond = sight([(5, 5), (13, 5)]) { _ = $0[0].known.remove(101) }
        #expect(beyond.isOK)
    }

    @Test("A wrong position is wrong in view and beyond") func wrongPosition() {
        for x in [12, 13] as [UInt16] {
            let outcome = sight([(5, 5), (x, 5)]) { _ = $0[0].known.move(101, x: x - 1, y: 5) }
            #expect(outcome.failures == 1)
        }
    }

    @Test("Who has left must be forgotten; who never came is nobody") func left() {
        let remembered = sight([(5, 5), (6, 5)]) { $0[1].stage = .left }
        #expect(remembered.failures == 1 && remembered.first.contains("has left"))
        let nobody = sight([(5, 5), (6, 5)]) {
            _ = $0[0].known.remove(101)
            $0[1].stage = .left
            $0[1].object = 0
        }
        #expect(nobody.isOK && nobody.count == 0)
    }

    // MARK: Areas

    @Test func squares() {
        let middle = Area.square(side: 8, inMiddleOfWidth: 2_000, height: 100)
        #expect(middle == Area(left: 996, top: 46, right: 1_003, bottom: 53))
        #expect(Area.square(side: 8, inMiddleOfWidth: 5, height: 0) == Area(left: 0, top: 0, right: 4, bottom: 0))
        #expect(Area.map(width: 0, height: 65_535) == Area(left: 0, top: 0, right: 0, bottom: 65_534))
        #expect(middle.distance(fromX: 0, y: 46) == 996 && middle.distance(fromX: 1_003, y: 99) == 46)
        #expect(middle.distance(fromX: 1_000, y: 50) == 0)
    }

    @Test("The way takes as many steps as it is far", arguments: [(0, 0), (99, 50), (46, 99), (50, 50)])
    func way(x: UInt16, y: UInt16) {
        let square = Area.square(side: 8, inMiddleOfWidth: 100, height: 100)
        var (x, y) = (x, y)
        for left in stride(from: square.distance(fromX: x, y: y), to: 0, by: -1) {
            #expect(!square.contains(x, y) && square.distance(fromX: x, y: y) == left)
            (x, y) = Walk.nearer(toArea: square, x: x, y: y)
        }
        #expect(square.contains(x, y))
    }

    @Test("A walk keeps to its area") func walk() {
        let square = Area.square(side: 8, inMiddleOfWidth: 65_535, height: 8)
        var random = SplitMix64(seed: 1)
        var (x, y) = (square.left, square.top)
        var seen: Set<[UInt16]> = []
        for _ in 0..<5_000 {
            let next = Walk.neighbour(ofX: x, y: y, within: square, &random)
            #expect(square.contains(next.x, next.y) && (next.x != x || next.y != y))
            (x, y) = next
            seen.insert([x, y])
        }
        #expect(seen.count == 64)
        let alone = Area(left: 3, top: 3, right: 3, bottom: 3)
        #expect(Walk.neighbour(ofX: 3, y: 3, within: alone, &random) == (3, 3))
    }
}
