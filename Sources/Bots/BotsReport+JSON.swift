// SPDX-License-Identifier: Apache-2.0

internal import Load

/// The report for programs.
extension BotsReport {
    /// The report as one JSON object, with a line for each key.
    ///
    /// All delays are in milliseconds from an intended time; `sent` and `received` count packets, `lost` moves without
    /// an answer. `docs/bots.md` has every key.
    public var json: String {
        let lines = fields.map { "  \(JSONText($0.name)): \($0.value)" }
        return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
    }

    private var fields: [(name: String, value: String)] {
        [
            ("scenario", "\(JSONText(scenario.rawValue))"),
            ("count", "\(count)"),
            ("seconds", "\(Decimal3(microseconds: steadyMilliseconds))"),
            ("delay", Self.object(delays)),
            ("ramp_delay", Self.object(rampDelays)),
            ("entry_delay", Self.object(entryDelays)),
            ("coming_seconds", "\(Decimal3(microseconds: comingMilliseconds))"),
        ] + waveFields + [
            ("course_delay", "\(courseDelay.milliseconds)"),
            ("tick_ms", "\(tick)"),
            ("moves_per_second", "\(perSecond(delays.count, in: steadyMilliseconds))"),
            ("deliveries_per_second", "\(perSecond(measuredPackets))"),
            ("bytes_per_second", "\(perSecond(measuredBytes))"),
            ("playing_cores", "\(measuredCores)"),
            ("sent", "\(counters.packetsSent)"),
            ("received", "\(counters.packetsReceived)"),
            ("lost", "\(lost)"),
            ("disconnected", "\(disconnected)"),
            ("lateness_ms", "\(counters.worstLateness)"),
            ("cores", "\(Decimal3(processorMilliseconds, dividedBy: totalMilliseconds))"),
            ("checks", checkList),
        ]
    }

    private var waveFields: [(name: String, value: String)] {
        guard scenario == .storm else { return [] }
        return [
            ("settled", "\(settled)"), ("settled_before", Self.object(settledBefore)),
            ("settled_during", Self.object(settledDuring)),
        ]
    }

    private var checkList: String {
        let lines = Check.all(of: scenario).map { check in
            let outcome = checks[check]
            return "    {\"name\": \(JSONText(check.rawValue)), \"ok\": \(outcome.isOK), "
                + "\"detail\": \(JSONText(outcome.detail))}"
        }
        return "[\n" + lines.joined(separator: ",\n") + "\n  ]"
    }

    private static func object(_ delays: DelayDistribution) -> String {
        "{" + parts(delays).map { "\"\($0.name)\": \($0.value)" }.joined(separator: ", ") + "}"
    }
}
