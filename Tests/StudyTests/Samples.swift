// SPDX-License-Identifier: Apache-2.0

@testable import Study

/// Results that nobody has measured, with numbers that are easy to follow.
enum Samples {
    static let machine = Machine(
        kernel: "6.18.0", processor: "Abacus & Sons <1>", processors: 2, isVirtual: true, serverCore: 0, loadCore: 1,
        governor: "", mitigations: ["retbleed: Mitigation: untrained return thunk"], link: "loopback, MTU 65536",
        settings: ["net.core.somaxconn = 4096"], memoryMiB: 24_000, loadAverage: 0.25, stolen: 0.0125)

    static func slice(
        _ side: Slice.Side, _ rotation: Int, nanoseconds: UInt64, withoutCore: Double = 0, calls: UInt64 = 100
    ) -> Slice {
        Slice(
            side: side, start: 0, rotation: rotation, messages: 1_000, seconds: 0.1,
            serverNanoseconds: nanoseconds * 1_000, loadNanoseconds: 100_000_000, withoutCore: withoutCore, p50: 40,
            p99: 80, p999: 160, allMessages: 2_000, systemCalls: calls, completions: 2_000, sends: 2_000,
            bytesSent: 128_000, bytesCopied: 500, switchesVoluntary: 20, switchesForced: 4)
    }

    /// `left` and `right` are ns per message in each rotation.
    static func comparison(
        _ kind: Comparison.Kind, _ left: String, _ right: String, workload: String = "echo-64-c50-d1",
        _ figures: [(left: UInt64, right: UInt64)]
    ) -> Comparison {
        var comparison = Comparison(
            kind: kind, workload: WorkloadTable.all.first { $0.name == workload } ?? WorkloadTable.all[0], left: left,
            right: right)
        for (rotation, pair) in figures.enumerated() {
            let calls: UInt64 = right == "epoll" ? 4_000 : 100
            comparison.slices += [
                slice(.left, rotation, nanoseconds: pair.left),
                slice(.right, rotation, nanoseconds: pair.right, calls: calls),
            ]
        }
        return comparison
    }

    static func results(_ comparisons: [Comparison]) -> Results {
        Results(
            gori: "0.1.0", revision: "0123456789ab", build: "release", began: "2026-01-02T03:04:05Z", seconds: 90,
            settings: StudySettings(isQuick: true, names: []), machine: machine, comparisons: comparisons)
    }

    /// A/A that differs by 1 %, epoll that takes 10 % more, and a variant that takes half a per cent more.
    static let usual = results([
        comparison(.same, "io_uring", "io_uring", (0..<12).map { (1_000, $0 % 2 == 0 ? 980 : 1_040) }),
        comparison(.ports, "io_uring", "epoll", (0..<12).map { (1_000, 1_095 + UInt64($0 % 3) * 5) }),
        comparison(.variants, "io_uring", "no-silent-send", (0..<12).map { _ in (1_000, 1_005) }),
    ])
}
