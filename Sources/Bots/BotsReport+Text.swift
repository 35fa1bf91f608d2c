// SPDX-License-Identifier: Apache-2.0

internal import Load

/// The report for people and for programs.
extension BotsReport {
    /// A summary, a line for each thing.
    public var summary: [String] {
        let perSecond = Decimal3(delays.count &* 1_000, dividedBy: steadyMilliseconds)
        let cores = Decimal3(processorMilliseconds, dividedBy: totalMilliseconds)
        var lines = [
            "\(scenario.rawValue): \(connected) of \(count) bots, "
                + "\(Decimal3(microseconds: steadyMilliseconds)) s with all in the world, tick \(tick) ms",
            "moves: \(perSecond) answered a second, \(lost) lost; \(disconnected) disconnected",
            "delay ms: " + Self.line(delays) + "; course \(courseDelay.milliseconds)",
        ]
        if rampDelays.count > 0 { lines.append("  while bots were coming: " + Self.line(rampDelays)) }
        lines.append(
            "packets: \(counters.packetsSent) sent, \(counters.packetsReceived) received; bots took \(cores) cores, "
                + "late by \(counters.worstLateness) ms at worst")
        for check in checks.failed { lines.append("failed: \(check.rawValue): \(checks[check].detail)") }
        if checks.failed.isEmpty { lines.append("checks: all \(Check.allCases.count) hold") }
        return lines
    }

    private static func line(_ delays: DelayDistribution) -> String {
        parts(delays).map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    }

    private static func parts(_ delays: DelayDistribution) -> [(name: String, value: Decimal3)] {
        [
            ("p50", Decimal3(microseconds: delays.percentile(50))),
            ("p90", Decimal3(microseconds: delays.percentile(90))),
            ("p99", Decimal3(microseconds: delays.percentile(99))),
            ("p999", Decimal3(microseconds: delays.percentile(99.9))),
            ("max", Decimal3(microseconds: delays.maximum)),
        ]
    }

    /// The report as one JSON object, with a line for each key.
    ///
    /// `delay` and `ramp_delay` are in milliseconds from the intended send time; `sent` and `received` count packets,
    /// `lost` moves without an answer.
    public var json: String {
        let delay = Self.parts(delays).map { "\"\($0.name)\": \($0.value)" }.joined(separator: ", ")
        let ramp = Self.parts(rampDelays).map { "\"\($0.name)\": \($0.value)" }.joined(separator: ", ")
        let checks = Check.allCases.map { check in
            let outcome = self.checks[check]
            return "    {\"name\": \(JSONText(check.rawValue)), \"ok\": \(outcome.isOK), "
                + "\"detail\": \(JSONText(outcome.detail))}"
        }
        return """
            {
              "scenario": \(JSONText(scenario.rawValue)),
              "count": \(count),
              "seconds": \(Decimal3(microseconds: steadyMilliseconds)),
              "delay": {\(delay)},
              "ramp_delay": {\(ramp)},
              "course_delay": \(courseDelay.milliseconds),
              "tick_ms": \(tick),
              "moves_per_second": \(Decimal3(delays.count &* 1_000, dividedBy: steadyMilliseconds)),
              "sent": \(counters.packetsSent),
              "received": \(counters.packetsReceived),
              "lost": \(lost),
              "disconnected": \(disconnected),
              "lateness_ms": \(counters.worstLateness),
              "cores": \(Decimal3(processorMilliseconds, dividedBy: totalMilliseconds)),
              "checks": [
            \(checks.joined(separator: ",\n"))
              ]
            }

            """
    }
}
