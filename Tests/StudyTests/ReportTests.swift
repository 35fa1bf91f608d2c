// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Study

/// What reports say of results, and that they are made of nothing else.
@Suite("Report")
struct ReportTests {
    private func files(_ results: Results) throws -> [String: String] {
        let report = try StudyReport(ResultsFile.encode(results))
        return Dictionary(
            uniqueKeysWithValues: report.files.map { ($0.name, String(decoding: $0.contents, as: UTF8.self)) })
    }

    @Test func theSameResultsGiveTheSameBytes() throws {
        let first = try files(Samples.usual)
        #expect(Set(first.keys) == ["results.json", "results.csv", "report.md", "report.html"])
        let again = try StudyReport(Data((first["results.json"] ?? "").utf8))
        for (name, contents) in again.files { #expect(String(decoding: contents, as: UTF8.self) == first[name]) }
    }

    @Test("What is larger than A/A is a difference, and what is not is none") func verdicts() throws {
        let text = try #require(try files(Samples.usual)["report.md"])
        #expect(text.contains("io_uring takes less in 1, epoll in 0, and 0 are undecided"))
        #expect(text.contains("- echo 64 B · 50 × 1: epoll takes 10 % more CPU per message (1.095–1.105)."))
        #expect(text.contains("| CPU per message | 1.0 % |"))
        #expect(text.contains("No difference in CPU per message: 1 of 1."))
        // All twelve rotations of the variant say half a per cent, and A/A says one.
        #expect(text.contains("1.005 (1.005–1.005) ="))
        #expect(text.contains("1.100 (1.095–1.105) ↑"))
        #expect(text.contains("no-silent-send, echo 64 B · 50 × 1"))
    }

    @Test("Both languages say all of it") func languages() throws {
        let files = try files(Samples.usual)
        let halves = try #require(files["report.md"]).components(separatedBy: "\n---\n")
        #expect(halves.count == 2)
        #expect(halves.map { $0.components(separatedBy: "\n## ").count }.allSatisfy { $0 == 8 })
        #expect(halves[1].contains("epoll이 메시지당 CPU를 10 % 더 씀"))
        let html = try #require(files["report.html"])
        #expect(
            html.components(separatedBy: "lang=\"ko\"").count == html.components(separatedBy: "<span lang=\"en\"").count
        )
    }

    @Test("A congestion control that paces is pointed out", arguments: ["bbr", "reno"])
    func pacing(name: String) throws {
        var results = Samples.usual
        results.machine.settings.append("net.ipv4.tcp_congestion_control = \(name)")
        let text = try #require(try files(results)["report.md"])
        #expect(text.contains("BBR paces") == (name == "bbr"))
    }

    @Test func countersAreShown() throws {
        let text = try #require(try files(Samples.usual)["report.md"])
        // System calls, completions a call and a message, bytes, switches, forced ones, copies.
        #expect(
            text.contains("| 0.0500 / 2.00 | 20.0 / 0.500 | 1.00 / 1.00 | 64.0 / 64.0 | 12.0 / 12.0 | 2.00 / 2.00 |"))
    }

    @Test("A variant whose counter does not differ is not said to be in force") func evidence() throws {
        let text = try #require(try files(Samples.usual)["report.md"])
        #expect(text.contains("| system calls/message | 0.0500 | 0.0500 | not shown |"))
    }

    @Test("A variant that shows on one workload only is in force") func evidenceElsewhere() throws {
        let alike = Samples.comparison(.variants, "io_uring", "no-silent-send", (0..<12).map { _ in (1_000, 1_005) })
        var other = Samples.comparison(
            .variants, "io_uring", "no-silent-send", workload: "echo-64-c500-d1", (0..<12).map { _ in (1_000, 1_005) })
        for index in other.slices.indices where other.slices[index].side == .right {
            other.slices[index].systemCalls = 400
        }
        let text = try #require(try files(Samples.results([alike, other]))["report.md"])
        #expect(text.contains("| system calls/message | 0.0500 | 0.200 | yes |"))
        #expect(!text.contains("| not shown |"))
    }

    @Test(
        "What only one side counts at all is evidence, and is kept",
        arguments: [("zero-copy-send", "sends without a copy/message"), ("receive-bundles", "bundles/message")])
    func countsOfOneSide(name: String, counter: String) throws {
        var comparison = Samples.comparison(
            .variants, "io_uring", name, workload: "echo-16k-c50-d1", (0..<12).map { _ in (1_000, 1_000) })
        #expect(try #require(try files(Samples.results([comparison]))["report.md"]).contains("| 0 | 0 | not shown |"))
        for index in comparison.slices.indices where comparison.slices[index].side == .right {
            comparison.slices[index].zeroCopySends = 1_000
            comparison.slices[index].receiveBundles = 1_000
        }
        let results = try ResultsFile.decode(try ResultsFile.encode(Samples.results([comparison])))
        #expect(results.comparisons.first?.slices == comparison.slices)
        let text = try #require(try files(results)["report.md"])
        #expect(text.contains("| \(counter) | 0 | 0.500 | yes |"))
    }

    @Test("What is not judged says so, and is not among what is undecided") func notJudged() throws {
        let results = Samples.results([
            Samples.comparison(.same, "io_uring", "io_uring", (0..<12).map { (1_000, $0 % 2 == 0 ? 980 : 1_040) }),
            Samples.comparison(.variants, "io_uring", "submission-polling", (0..<12).map { _ in (1_000, 2_000) }),
        ])
        let text = try #require(try files(results)["report.md"])
        #expect(text.contains("2.000 (2.000–2.000) –") || text.contains(" – |"))
        #expect(!text.contains("What this run cannot decide"))
    }

    @Test("The page needs nothing else, and nothing in it ends it early") func selfContained() throws {
        var results = Samples.usual
        results.omissions = [
            Omission(workload: "churn-c16", left: "io_uring", right: "epoll", reason: "</script><b>&")
        ]
        let html = try #require(try files(results)["report.html"])
        for word in ["http:", "https:", "src=", "<link", "@import", "url("] { #expect(!html.contains(word), "\(word)") }
        #expect(html.components(separatedBy: "</script>").count == 2)
        #expect(html.contains("Abacus &amp; Sons &lt;1&gt;"))
        #expect(html.components(separatedBy: "<svg").count == html.components(separatedBy: "</svg>").count)
        let json = try #require(
            html.components(separatedBy: "id=\"results\">\n").last?.components(separatedBy: "\n</").first)
        let kept = try ResultsFile.decode(Data(json.utf8))
        #expect(kept.comparisons.count == 3 && kept.omissions.first?.reason == "</script><b>&")
    }

    @Test func everySliceIsALineOfCSV() throws {
        let lines = try #require(try files(Samples.usual)["results.csv"]).components(separatedBy: "\r\n").dropLast()
        #expect(lines.count == 1 + 3 * 24)
        let columns = lines.map { $0.components(separatedBy: ",").count }
        #expect(Set(columns) == [23])
        #expect(lines[1].hasPrefix("a/a,echo-64-c50-d1,io_uring,io_uring,left,io_uring,0,0,1000,0.1,10000.0,1000.0,"))
    }

    @Test("A/A that differs is the first thing said") func sameDiffers() throws {
        let same = Samples.comparison(.same, "epoll", "epoll", (0..<12).map { _ in (1_000, 1_050) })
        let text = try #require(try files(Samples.results([same]))["report.md"])
        #expect(text.contains("No difference in CPU per message: 0 of 1."))
        #expect(
            text.contains(
                "> **A/A found a difference where there is none (echo 64 B · 50 × 1, 5.0 % of CPU per message)"))
    }

    @Test func nothingMeasured() throws {
        var results = Samples.results([])
        results.wasInterrupted = true
        let text = try #require(try files(results)["report.md"])
        #expect(text.contains("The run was ended early") && text.contains("Nothing was measured against itself"))
    }

    @Test func failuresAreNamed() throws {
        var broken = Samples.comparison(.ports, "io_uring", "epoll", [])
        broken.failure = "other bytes came back"
        let report = try StudyReport(ResultsFile.encode(Samples.results([broken])))
        #expect(report.failures == ["echo-64-c50-d1, io_uring / epoll: other bytes came back"])
        let text = try #require(try files(Samples.results([broken]))["report.md"])
        #expect(text.contains("failed: other bytes came back") && text.contains("> **1 comparisons failed"))
    }

    @Test("Whether a side kept up, what a stream carried, and what was held for slow readers") func loads() throws {
        var open = Samples.comparison(
            .ports, "io_uring", "epoll", workload: "open-20k", (0..<12).map { _ in (1_000, 1_100) })
        // 10,000 a second of 20,000 are not enough; so are 19,900.
        open.slices = open.slices.map { slice in
            var slice = slice
            if slice.side == .left { slice.messages = 1_990 }
            return slice
        }
        let stream = Samples.comparison(
            .ports, "io_uring", "epoll", workload: "stream-c2", (0..<12).map { _ in (65_536, 131_072) })
        var slow = Samples.comparison(
            .ports, "io_uring", "epoll", workload: "slow-c50", (0..<12).map { _ in (1_000, 1_100) })
        slow.slices = slow.slices.map { slice in
            var slice = slice
            slice.bytesHeld = slice.side == .left ? 4_096 : nil
            return slice
        }
        let text = try #require(try files(Samples.results([open, stream, slow]))["report.md"])
        #expect(text.contains("| open loop 20,000/s · 50 | 20,000 | 19,900 / 10,000 | yes / no |"))
        #expect(text.contains("| stream, blocks of 64 KiB · 2 × 16 | 625 / 625 | 1024 / 2048 |"))
        #expect(text.contains("| echo 64 B · 50 beside 50 slow readers | 50 | 4 / – |"))
        #expect(!(try #require(try files(Samples.usual)["report.md"])).contains("messages/s due"))
    }

    @Test("A noisy open loop does not hide what a closed one shows, and the other way round") func regimes() {
        let noisy = Samples.comparison(
            .same, "io_uring", "io_uring", workload: "open-5k", (0..<12).map { _ in (1_000, 1_300) })
        let quiet = Samples.comparison(.same, "io_uring", "io_uring", (0..<12).map { _ in (1_000, 1_010) })
        func summary(_ workload: String) -> Summary {
            Summary(
                Samples.comparison(
                    .ports, "io_uring", "epoll", workload: workload, (0..<12).map { _ in (1_000, 1_100) }))
        }
        let floor = NoiseFloor([Summary(noisy), Summary(quiet)])
        #expect(floor.verdict(of: summary("echo-64-c50-d1"), .processor) == .more)
        #expect(floor.verdict(of: summary("open-20k"), .processor) == .noDifference)
        // Without an A/A of its own it is held against the worst there is.
        #expect(floor.verdict(of: summary("course-c1000"), .processor) == .noDifference)
        #expect(NoiseFloor([Summary(quiet)]).verdict(of: summary("course-c1000"), .processor) == .more)
    }

    @Test("Of peers stands what the kernel counts, and a dash for what only we do") func peers() throws {
        var comparison = Samples.comparison(.peers, "io_uring", "abacus", (0..<12).map { _ in (1_000, 3_000) })
        comparison.slices = comparison.slices.map { slice in
            var slice = slice
            if slice.side == .right { slice.isWithoutCounters = true }
            return slice
        }
        var results = Samples.results([comparison])
        results.peers = [
            PeerList.Peer(
                name: "abacus", version: "Beads 3", command: ["/x"], settleSeconds: 0, needsUring: false)
        ]
        let files = try files(results)
        let text = try #require(files["report.md"])
        #expect(text.contains("| abacus | Beads 3 |"))
        #expect(text.contains("| abacus, echo 64 B · 50 × 1 | 1000 / 3000 | 3.000 (3.000–3.000) ↑ |"))
        #expect(
            text.contains("| 0.0500 / – | 20.0 / – | 1.00 / – | 64.0 / – | 12.0 / 12.0 | 2.00 / 2.00 | 0.250 / – |"))
        #expect(text.contains("## 다른 서버들"))
        let lines = try #require(files["results.csv"]).components(separatedBy: "\r\n")
        #expect(lines[1].hasSuffix(",0.05,1.0,1.0,0.25,20,4") && lines[2].hasSuffix(",160.0,,,,,20,4"))
        #expect(!(try #require(try self.files(Samples.usual)["report.md"])).contains("Servers of others"))
    }

    @Test("Quiet rotations are what counts, as long as there are enough") func disturbed() {
        var comparison = Samples.comparison(.ports, "io_uring", "epoll", (0..<12).map { _ in (1_000, 1_100) })
        comparison.slices += [
            Samples.slice(.left, 12, nanoseconds: 1_000),
            Samples.slice(.right, 12, nanoseconds: 9_000, withoutCore: 0.3),
        ]
        let quiet = Summary(comparison)
        #expect(quiet.left.count == 12 && quiet.disturbedRotations == 1 && !quiet.isNoisy)
        comparison.slices = comparison.slices.map { slice in
            var slice = slice
            if slice.rotation < 6 { slice.withoutCore = 0.5 }
            return slice
        }
        let noisy = Summary(comparison)
        #expect(noisy.left.count == 13 && noisy.disturbedRotations == 7 && noisy.isNoisy)
    }

    @Test("A rotation with one side only is no pair") func halfARotation() {
        var comparison = Samples.comparison(.ports, "io_uring", "epoll", [(1_000, 1_100)])
        comparison.slices.append(Samples.slice(.left, 1, nanoseconds: 1_000))
        #expect(Summary(comparison).left.count == 1)
    }
}
