// SPDX-License-Identifier: Apache-2.0

import Load
import Overlapped
import Testing

@testable import Bots

/// Whole runs of `storm`: a wave into a world where others walk, and that a server which it slows down is found out.
@Suite("Bots: storm", .serialized, .enabled(if: Machine.hasUring, "io_uring is denied here"))
struct StormTests {
    private func run(_ manner: FakeServer.Manner) async throws -> BotsReport {
        let server = try FakeServer(manner)
        server.start()
        defer { server.stop() }
        let configuration = BotsConfiguration(
            scenario: .storm, address: server.address, count: 40, ramp: 20, seconds: 1, seed: 3, settled: 5, calm: 2)
        return try await play(configuration)
    }

    @Test func everythingHolds() async throws {
        let report = try await run(.answers(after: 200))
        #expect(report.isOK, "\(report.summary)")
        #expect(report.count == 40 && report.settled == 5 && report.connected == 45 && report.lost == 0)
        #expect(report.settledBefore.count == 10, "5 bots, 2 seconds, one move a second")
        #expect((10...15).contains(report.settledDuring.count), "the wave takes two seconds, and as long as it takes")
        #expect((1_950...4_000).contains(report.comingMilliseconds))
        #expect(report.entryDelays.count == 40, "those of the wave")
        #expect(report.delays.count == 45)
        #expect(report.checks[.settledUndisturbed].count == report.settledBefore.count + report.settledDuring.count)
    }

    @Test("A server that many slow down") func slow() async throws {
        let report = try await run(.slowsDown(above: 10, after: 700))
        #expect(report.checks.failed == [.settledUndisturbed])
        #expect(report.checks[.settledUndisturbed].first.contains("during the wave"))
        #expect(report.settledDuring.percentile(90) >= 699_000 && report.settledBefore.percentile(50) < 350_000)
    }

    @Test("Nobody there") func refused() async throws {
        let address = try Sockets.reserve(try #require(SocketAddress("127.0.0.1:0")))
        let configuration = BotsConfiguration(
            scenario: .storm, address: address, count: 3, ramp: 100, seconds: 1, seed: 1, settled: 1, calm: 1)
        await #expect(throws: LoadError.self) { try await play(configuration) }
    }

    // MARK: The wave's record

    private func wave(tick: UInt16 = 50, before: UInt64?, during: UInt64?) throws -> BotsRecord {
        let address = try #require(SocketAddress("127.0.0.1:1"))
        let configuration = BotsConfiguration(
            scenario: .storm, address: address, count: 10, ramp: 10, seconds: 1, seed: 1, settled: 2, calm: 1)
        var wave = WaveRecord(configuration)
        #expect(wave.start == 100 + 3_000 + 1_000)
        wave.finish(at: wave.start + 1_500)
        if let before { wave.record(0, intended: UInt64(wave.start) - 1, delay: before) }
        if let during { wave.record(1, intended: UInt64(wave.start), delay: during) }
        // None of these is of the settled, or in either of the two times.
        wave.record(2, intended: UInt64(wave.start), delay: 9_000_000)
        wave.record(0, intended: UInt64(wave.start) - 1_001, delay: 9_000_000)
        wave.record(0, intended: UInt64(wave.start) + 1_500, delay: 9_000_000)
        var record = BotsRecord()
        record.tick = tick
        wave.judge(&record)
        return record
    }

    @Test("Twice as long is allowed, and below a tick everything") func limits() throws {
        #expect(try wave(before: 30_000, during: 60_000).checks.failed.isEmpty)
        #expect(try wave(before: 30_000, during: 61_000).checks.failed == [.settledUndisturbed])
        #expect(try wave(before: 10_000, during: 50_000).checks.failed.isEmpty)
        #expect(try wave(before: 10_000, during: 51_000).checks.failed == [.settledUndisturbed])
    }

    @Test("Without a move on either side nothing is proved") func empty() throws {
        #expect(try wave(before: nil, during: 1).checks.failed == [.settledUndisturbed])
        #expect(try wave(before: 1, during: nil).checks.failed == [.settledUndisturbed])
    }

    @Test("The settled come first, the wave in its own time") func schedule() throws {
        let address = try #require(SocketAddress("127.0.0.1:1"))
        let load = BotsConfiguration(
            scenario: .storm, address: address, count: 15_000, ramp: 1_500, seconds: 1, seed: 1, settled: 500
        ).load
        #expect(load.count == 15_500)
        #expect(load.milliseconds(of: 499) == 998)
        #expect(load.milliseconds(of: 500) == 998 + 3_000 + 10_000)
        #expect(load.rampMilliseconds == load.waveStart + 9_999)
    }
}
