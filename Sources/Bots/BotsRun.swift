// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Load

/// Runs bots to the end on the calling thread.
public enum BotsRun {
    /// Plays the course scenario.
    ///
    /// - Parameter onSecond: called once a second.
    /// - Throws: `LoadError` when not even one bot could connect, or the port fails.
    public static func course(
        _ configuration: BotsConfiguration, onSecond: @escaping (BotsProgress) -> Void = { _ in }
    ) throws(LoadError) -> BotsReport {
        let scenario = CourseScenario(configuration, onSecond: onSecond)
        let before = processorMilliseconds()
        try LoadRun.run(configuration.load, scenario)
        if scenario.counters.connected == 0, let failure = scenario.connectFailure { throw .cannotConnect(failure) }
        var report = scenario.report()
        report.processorMilliseconds = processorMilliseconds() - before
        return report
    }

    private static func processorMilliseconds() -> UInt64 {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return 0 }
        return UInt64(clamping: time.tv_sec) * 1_000 + UInt64(clamping: time.tv_nsec) / 1_000_000
    }
}

extension CourseScenario {
    func report() -> BotsReport {
        var report = BotsReport()
        report.count = configuration.load.count
        report.connected = counters.connected
        let steadyEnd = min(end, lastEnd)
        report.steadyMilliseconds = UInt64(steadyEnd - min(steadyStart, steadyEnd))
        report.delays = delays
        report.rampDelays = rampDelays
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
