// SPDX-License-Identifier: Apache-2.0

import Load
import Overlapped
import Testing
import Wire
import World

@testable import Bots

/// Whole runs against a server that behaves, and against ones that do not.
@Suite("Bots: course", .serialized, .enabled(if: Machine.hasUring, "io_uring is denied here"))
struct CourseTests {
    private func run(
        _ manner: FakeServer.Manner, count: Int = 20, seconds: Int = 2
    ) async throws -> (report: BotsReport, server: FakeServer) {
        let server = try FakeServer(manner)
        server.start()
        defer { server.stop() }
        let configuration = BotsConfiguration(
            address: server.address, count: count, ramp: 200, seconds: seconds, seed: 3)
        return (try await play(configuration), server)
    }

    @Test func everythingHolds() async throws {
        let (report, server) = try await run(.answers(after: 0))
        #expect(report.isOK, "\(report.summary)")
        #expect(report.connected == 20 && report.lost == 0 && report.disconnected == 0 && report.tick == 50)
        #expect(report.delays.count == 40, "20 bots, 2 seconds, one move a second")
        #expect(report.delays.count + report.rampDelays.count == UInt64(server.seen.count))
        // hello, login, selection, logout
        #expect(report.counters.packetsSent == UInt64(20 * 4 + server.seen.count))
        #expect(report.checks[.movesAnswered].count == UInt64(server.seen.count))
    }

    @Test("Answers that take longer than the period delay no send; delays count from the intended time")
    func openLoop() async throws {
        let (report, server) = try await run(.answers(after: 1_500), count: 10, seconds: 2)
        #expect(report.isOK, "\(report.summary)")
        #expect(report.delays.count == 20)
        #expect(report.delays.percentile(1) >= 1_490_000)
        for client in Set(server.seen.map(\.client)) {
            let seen = server.seen.filter { $0.client == client }
            let first = try #require(seen.first)
            for (number, each) in seen.enumerated() {
                let intended = each.move.clientTime - first.move.clientTime
                #expect(intended == UInt64(number) * 1_000_000)
                let lateness = Int((each.at - first.at) / 1_000) - Int(intended)
                #expect(abs(lateness) < 500_000, "sent when it was due, not when the last was answered")
            }
        }
    }

    @Test("Answers that never come are lost, and the run ends") func lost() async throws {
        let (report, server) = try await run(.ignoresMoves, count: 5, seconds: 1)
        #expect(report.lost == UInt64(server.seen.count) && report.lost >= 5)
        #expect(report.checks.failed == [.movesAnswered])
        #expect(report.delays.count == 0)
    }

    @Test func serverShutsDown() async throws {
        let (report, _) = try await run(.leavesAtFirstMove(.shuttingDown), seconds: 600)
        #expect(report.farewell == "good night" && report.disconnected == 20)
        #expect(!report.isOK)
    }

    @Test func everybodyIsKicked() async throws {
        let (report, _) = try await run(.leavesAtFirstMove(.kicked), seconds: 600)
        #expect(report.disconnected == 20 && report.lost == 20)
        #expect(report.checks.failed == [.sessionsLast, .movesAnswered])
        #expect(report.checks[.sessionsLast].failures == 20)
    }

    @Test func serverHangsUp() async throws {
        let (report, _) = try await run(.hangsUpAtFirstMove, seconds: 600)
        #expect(report.disconnected == 20)
        #expect(report.checks.failed == [.sessionsLast, .movesAnswered])
    }

    @Test func framingBreaks() async throws {
        let (report, _) = try await run(.breaksFraming, seconds: 600)
        #expect(report.checks.failed.contains(.packetForm))
        #expect(report.disconnected == 20)
    }

    @Test("Nobody there") func refused() async throws {
        let address = try Sockets.reserve(try #require(SocketAddress("127.0.0.1:0")))
        let configuration = BotsConfiguration(address: address, count: 3, ramp: 100, seconds: 1, seed: 1)
        await #expect {
            try await play(configuration)
        } throws: { error in
            guard case .cannotConnect(let cause)? = error as? LoadError else { return false }
            return "\(cause)".contains("Connection refused")
        }
    }
}
