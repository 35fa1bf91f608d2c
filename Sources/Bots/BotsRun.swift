// SPDX-License-Identifier: Apache-2.0

public import Load

/// Runs bots to the end on the calling thread.
public enum BotsRun {
    /// Plays the configuration's scenario.
    ///
    /// - Parameters:
    ///   - onSecond: called once a second.
    ///   - onPhase: called when a part of the run begins, on the thread that runs it: what it takes delays the bots.
    /// - Throws: `LoadError` when not even one bot could connect, or the port fails.
    public static func play(
        _ configuration: BotsConfiguration, onSecond: @escaping (BotsProgress) -> Void = { _ in },
        onPhase: @escaping (BotsPhase) -> Void = { _ in }
    ) throws(LoadError) -> BotsReport {
        let scenario = PlayScenario(configuration, onSecond: onSecond, onPhase: onPhase)
        let before = Meter.processorMicroseconds()
        try LoadRun.run(configuration.load, scenario)
        if scenario.counters.connected == 0, let failure = scenario.connectFailure { throw .cannotConnect(failure) }
        var report = scenario.report()
        report.processorMilliseconds = (Meter.processorMicroseconds() - before) / 1_000
        return report
    }
}

extension PlayScenario {
    func report() -> BotsReport {
        var report = BotsReport()
        report.scenario = configuration.scenario
        report.count = configuration.count
        report.settled = wave.settled
        report.connected = counters.connected
        let steadyEnd = min(end, lastEnd)
        report.steadyMilliseconds = UInt64(steadyEnd - min(steadyStart, steadyEnd))
        report.delays = delays
        report.rampDelays = rampDelays
        report.entryDelays = entryDelays
        report.settledBefore = wave.before
        report.settledDuring = wave.during
        report.comingMilliseconds = UInt64(min(allCame, elapsed) &- min(wave.start, allCame, elapsed))
        report.measuredMilliseconds = meter.milliseconds
        report.measuredPackets = meter.packetsReceived
        report.measuredBytes = meter.bytesReceived
        report.measuredProcessor = meter.processorMicroseconds
        report.courseDelay = courseDelay
        report.counters = counters
        report.lost = record.lost
        report.disconnected = record.disconnected
        report.tick = record.tick
        report.totalMilliseconds = UInt64(elapsed)
        report.checks = record.checks
        report.checks.setCount(.packetTypes, counters.packetsReceived)
        report.checks.setCount(.packetForm, counters.packetsReceived)
        report.checks.setCount(.sessionsLast, UInt64(clamping: counters.connected))
        report.farewell = record.farewell
        return report
    }
}
