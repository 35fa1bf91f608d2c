// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// Names workers whose turn stalls: a thread that looks at what they publish.
///
/// While workers are in turns it looks every few milliseconds; when all of them wait it sleeps until a turn begins.
final class Watchdog: @unchecked Sendable {
    /// How long the watchdog sleeps when nobody rings, in milliseconds: what a missed ring costs.
    private static let longestSleep = 250
    /// How often it looks while somebody works, in milliseconds at most.
    private static let longestInterval: UInt64 = 20
    /// For how many looks it stays awake after a sleep that was shorter than the time between two.
    private static let patience = 32

    private let published: PublishedCounters
    private let census: WorkerCensus
    private let log: @Sendable (String) -> Void
    private let interval: UInt64
    /// The watchdog's thread only.
    private var detectors: [StallDetector]
    private let thread = WatchdogThread()

    private final class WatchdogThread: @unchecked Sendable {
        var box: WorkerThreadBox?
    }

    /// Starts the watchdog; it ends when no worker serves any more.
    ///
    /// - Returns: nil when both limits are off.
    static func start(_ surroundings: WorkerSurroundings) -> Watchdog? {
        let configuration = surroundings.definition.configuration
        let limits = StallDetector.Limits(
            processorTime: WorkerCore.ms(configuration.stalledTurnCPU),
            wallTime: WorkerCore.ms(configuration.stalledTurnWall))
        guard !limits.areOff else { return nil }
        let watchdog = Watchdog(limits, surroundings)
        watchdog.thread.box = WorkerThreadBox(WorkerThread(name: "gori-watchdog") { watchdog.run() })
        return watchdog
    }

    private init(_ limits: StallDetector.Limits, _ surroundings: WorkerSurroundings) {
        published = surroundings.published
        census = surroundings.census
        log = surroundings.definition.log
        detectors = Array(repeating: StallDetector(limits: limits), count: surroundings.workerCount)
        let shortest = min(
            limits.processorTime == 0 ? .max : limits.processorTime, limits.wallTime == 0 ? .max : limits.wallTime)
        interval = max(1_000_000, min(Self.longestInterval * 1_000_000, shortest / 5 * 4))
    }

    /// Waits until the thread has ended, which follows the end of the last worker.
    func join() {
        published.ringWatchdog()
        thread.box?.join()
    }

    private func run() {
        // Looks until sleeping is tried again: who is woken at once each time does better not to sleep.
        var patience = 0
        while !census.isEmpty {
            var time = timespec(tv_sec: 0, tv_nsec: Int(interval))
            clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
            patience = max(0, patience - 1)
            guard look().areWaiting, patience == 0 else { continue }
            // The second look finds whoever began before the announcement and therefore did not ring, and knows where
            // the clocks of the others stand still.
            published.prepareWatchdogToSleep()
            guard look().areQuiet, !census.isEmpty else {
                published.keepWatchdogAwake()
                continue
            }
            let began = MonotonicClock.now()
            published.sleepAsWatchdog(milliseconds: Self.longestSleep)
            if MonotonicClock.now() &- began < interval { patience = Self.patience }
        }
    }

    /// Looks at every worker. Returns whether all of them wait, and whether none has done anything since the last look.
    private func look() -> (areWaiting: Bool, areQuiet: Bool) {
        var result = (areWaiting: true, areQuiet: true)
        for worker in detectors.indices {
            guard let sample = published.activity(of: worker).pointee.sample() else {
                result = (false, false)
                continue
            }
            let finding = detectors[worker].look(sample, now: MonotonicClock.now())
            if sample.began != 0 { result.areWaiting = false }
            if !detectors[worker].wasQuiet { result.areQuiet = false }
            if let finding { report(finding, worker, sample) }
        }
        return result
    }

    // MARK: Words

    private func report(_ finding: StallDetector.Finding, _ worker: Int, _ sample: WorkerActivity.Sample) {
        switch finding {
        case .stalled(let wallTime, let processorTime, let seen):
            log(
                "worker \(worker) stalls: in one turn for \(Self.ms(wallTime)), \(Self.ms(processorTime)) of it "
                    + "processor time; it \(sample.description), for \(Self.ms(seen)) or longer")
        case .recovered(let wallTime, let processorTime):
            log(
                "worker \(worker) goes on: its turn took about \(Self.ms(wallTime)), \(Self.ms(processorTime)) of it "
                    + "processor time")
        }
    }

    private static func ms(_ nanoseconds: UInt64) -> String { "\(nanoseconds / 1_000_000) ms" }
}

extension WorkerActivity.Sample: CustomStringConvertible {
    /// What the worker does, after "it".
    var description: String {
        let id = SessionID(rawValue: session)
        return switch phase {
        case .completions, nil: "takes completions"
        case .mail: "reads mail"
        case .perform: "runs a closure given to perform"
        case .slowPart: "runs the slow part of a handler"
        case .slowPartEnd: "runs what follows a slow part of session \(id)"
        case .message: "handles a message with tag \(detail) from another worker"
        case .packet: "handles a packet of type \(detail) of session \(id)"
        case .bytes: "handles bytes of session \(id)"
        case .opening: "runs onOpen for session \(id)"
        case .closing: "runs onClose for session \(id)"
        case .timers: "looks for expired timers"
        case .sessionTimer: "runs onTimer for session \(id)"
        case .periodic: "runs periodic hook \(detail)"
        case .turnHook: "runs onTurn"
        case .ends: "ends sessions"
        case .flush: "sends the turn's output"
        case .fault: "has a fault that it was told to have"
        }
    }
}
