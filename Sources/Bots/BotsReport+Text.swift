// SPDX-License-Identifier: Apache-2.0

internal import Load

/// The report for people.
extension BotsReport {
    /// Milliseconds by which bots may be late: moves that come in a bunch afterwards are too soon for a server.
    private static let tooLate: UInt32 = 500

    /// A summary, a line for each thing.
    public var summary: [String] {
        let cores = Decimal3(processorMilliseconds, dividedBy: totalMilliseconds)
        var lines = [
            "\(scenario.rawValue): \(connected) of \(count + settled) bots, "
                + "\(Decimal3(microseconds: steadyMilliseconds)) s with all in the world, tick \(tick) ms",
            "moves: \(perSecond(delays.count, in: steadyMilliseconds)) answered a second, \(lost) lost;"
                + " \(disconnected) disconnected",
            "delay ms: " + Self.line(delays) + "; course \(courseDelay.milliseconds)",
        ]
        if rampDelays.count > 0 { lines.append("  while bots were coming: " + Self.line(rampDelays)) }
        if scenario == .storm, settled > 0 {
            lines.append("  of \(settled) settled, before the wave: " + Self.line(settledBefore))
            lines.append("  of the same, during the wave:   " + Self.line(settledDuring))
        }
        lines.append(
            "coming: \(Decimal3(microseconds: comingMilliseconds)) s for all of them; each, in ms: "
                + Self.line(entryDelays))
        lines.append(
            "a second, with all in the world: \(perSecond(measuredPackets)) packets and \(perSecond(measuredBytes))"
                + " bytes received; bots took \(measuredCores) cores")
        lines.append(
            "packets: \(counters.packetsSent) sent, \(counters.packetsReceived) received; bots took \(cores) cores, "
                + "late by \(counters.worstLateness) ms at worst")
        if counters.worstLateness >= Self.tooLate {
            lines.append(
                "note: the bots themselves were late, so this machine is too busy:"
                    + " delays and failed checks may be its own")
        }
        for check in checks.failed { lines.append("failed: \(check.rawValue): \(checks[check].detail)") }
        if checks.failed.isEmpty { lines.append("checks: all \(Check.all(of: scenario).count) hold") }
        return lines
    }

    func perSecond(_ count: UInt64) -> Decimal3 { perSecond(count, in: measuredMilliseconds) }

    func perSecond(_ count: UInt64, in milliseconds: UInt64) -> Decimal3 {
        Decimal3(count &* 1_000, dividedBy: milliseconds)
    }

    /// Cores that the bots took while all were in the world.
    var measuredCores: Decimal3 { Decimal3(measuredProcessor, dividedBy: measuredMilliseconds &* 1_000) }

    private static func line(_ delays: DelayDistribution) -> String {
        parts(delays).map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    }

    static func parts(_ delays: DelayDistribution) -> [(name: String, value: Decimal3)] {
        [
            ("p50", Decimal3(microseconds: delays.percentile(50))),
            ("p90", Decimal3(microseconds: delays.percentile(90))),
            ("p99", Decimal3(microseconds: delays.percentile(99))),
            ("p999", Decimal3(microseconds: delays.percentile(99.9))),
            ("max", Decimal3(microseconds: delays.maximum)),
        ]
    }
}
