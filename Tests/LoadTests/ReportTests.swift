// SPDX-License-Identifier: Apache-2.0

import Foundation
import Load
import Testing
import World

@testable import Bots

/// The report's form, which programs read.
@Suite("Bots: report")
struct ReportTests {
    private func parse(_ report: BotsReport) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(report.json.utf8))
        return try #require(object as? [String: Any])
    }

    @Test func everyKeyOfTheContract() throws {
        var report = BotsReport()
        report.count = 5
        report.steadyMilliseconds = 2_000
        for delay in [25_000, 25_000, 50_500, 75_000] as [UInt64] {
            report.delays.record(microseconds: delay)
            report.courseDelay.record(microseconds: delay)
        }
        report.lost = 3
        report.disconnected = 1
        let json = try parse(report)
        #expect(json["scenario"] as? String == "course")
        #expect(json["count"] as? Int == 5)
        #expect(json["seconds"] as? Double == 2)
        #expect(json["course_delay"] as? Int == 4)
        #expect(json["sent"] as? Int == 0 && json["received"] as? Int == 0)
        #expect(json["lost"] as? Int == 3 && json["disconnected"] as? Int == 1)
        #expect(json["tick_ms"] as? Int == 0 && json["moves_per_second"] as? Double == 2)
        let delay = try #require(json["delay"] as? [String: Double])
        #expect(Set(delay.keys) == ["p50", "p90", "p99", "p999", "max"])
        #expect(delay["max"] == 75)
        #expect(abs((delay["p50"] ?? 0) - 25) < 0.1)
        let checks = try #require(json["checks"] as? [[String: Any]])
        #expect(checks.map { $0["name"] as? String } == Check.all(of: .course).map(\.rawValue))
        #expect(checks.count == Check.allCases.count - 3)
        #expect(checks.allSatisfy { $0["ok"] as? Bool == true && $0["detail"] is String })
    }

    @Test("A detail with quotes and control characters") func quoting() throws {
        var report = BotsReport()
        report.checks.fail(.sessionsLast, bot: 1, packet: "goodbye", "\"a\\b\"\n\u{1}\u{7F} 안녕")
        let checks = try #require(try parse(report)["checks"] as? [[String: Any]])
        let last = try #require(checks.first { $0["name"] as? String == "sessions last" })
        #expect(last["ok"] as? Bool == false)
        #expect(
            last["detail"] as? String
                == "1 of 1 failed; the first: bot 1, goodbye: \"a\\b\"\n\u{1}\u{7F} 안녕")
        #expect(!report.isOK)
    }

    @Test("Bots that were late say so") func lateness() {
        var report = BotsReport()
        for (lateness, isSaid) in [(0, false), (499, false), (500, true)] as [(UInt32, Bool)] {
            report.counters.worstLateness = lateness
            #expect(report.summary.contains { $0.hasPrefix("note: the bots themselves were late") } == isSaid)
        }
    }

    @Test("Each scenario reports its own checks, a storm its settled", arguments: Scenario.allCases)
    func scenarios(scenario: Scenario) throws {
        var report = BotsReport()
        report.scenario = scenario
        report.count = 9
        report.settled = 4
        report.connected = 13
        report.settledBefore.record(microseconds: 7_000)
        report.settledDuring.record(microseconds: 8_000)
        report.entryDelays.record(microseconds: 9_000)
        report.measuredMilliseconds = 2_000
        report.measuredPackets = 500
        report.measuredBytes = 6_000
        report.measuredProcessor = 1_000_000
        let json = try parse(report)
        #expect(json["scenario"] as? String == scenario.rawValue && json["count"] as? Int == 9)
        #expect((json["entry_delay"] as? [String: Double])?["max"] == 9)
        #expect(json["deliveries_per_second"] as? Double == 250 && json["bytes_per_second"] as? Double == 3_000)
        #expect(json["playing_cores"] as? Double == 0.5)
        #expect((json["settled"] as? Int == 4) == (scenario == .storm))
        #expect(((json["settled_during"] as? [String: Double])?["max"] == 8) == (scenario == .storm))
        let names = try #require(json["checks"] as? [[String: Any]]).compactMap { $0["name"] as? String }
        #expect(names.contains("everybody gathers") == (scenario == .hotspot))
        #expect(names.contains("others in view known") == (scenario == .hotspot))
        #expect(names.contains("settled undisturbed") == (scenario == .storm))
        #expect(report.summary.first?.contains("13 of 13 bots") == true)
    }

    @Test func decimals() {
        #expect("\(Decimal3(microseconds: 1_005))" == "1.005")
        #expect("\(Decimal3(microseconds: 0))" == "0.000")
        #expect("\(Decimal3(7, dividedBy: 2))" == "3.500")
        #expect("\(Decimal3(7, dividedBy: 0))" == "0.000")
    }

    @Test("Every check has a place of its own") func checkPlaces() {
        for check in Check.allCases {
            var list = CheckList()
            list.fail(check, bot: 1, packet: "p", "x")
            #expect(list.failed == [check])
        }
    }

    @Test("Phases are spread evenly, however many bots there are") func phases() {
        for count in [10, 100, 1_000, 5_000] {
            var buckets = [Int](repeating: 0, count: 10)
            for bot in 0..<count { buckets[Int(PlayScenario.phase(of: bot, seed: 7)) / 100] += 1 }
            #expect(buckets.allSatisfy { abs($0 - count / 10) <= 2 }, "\(buckets)")
        }
        #expect(PlayScenario.phase(of: 0, seed: 1) != PlayScenario.phase(of: 0, seed: 2))
    }

    @Test("The longest name fits") func names() {
        #expect(PlayScenario.name(of: 60_000, seed: .max).string == "bot-4294967295-60000")
        #expect(PlayScenario.name(of: 1, seed: 0).string == "bot-0-1")
    }
}
