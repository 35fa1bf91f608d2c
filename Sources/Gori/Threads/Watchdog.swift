// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// Names workers whose turn stalls: a thread that looks at what they publish.
///
/// It sleeps as long as all is well. A worker that begins turns sets its timer again every few milliseconds, to a time
/// at which a turn that has gone on since would be above the limit; so the timer runs out when a turn is that long, or
/// when the worker waits for longer, which a look finds. A look every so often instead would cost what a wake-up costs
/// each time, nearly 1 % of the processor time of a worker that is busy for a third of it.
final class Watchdog: @unchecked Sendable {
    /// When a worker's timer is set again, for how long, and how often it is looked at once it has run out, in
    /// nanoseconds.
    struct Timing {
        let interval: UInt64
        let patience: UInt64
        let look: UInt64

        /// What a turn has used for certain is what its thread has used since the timer was set, less the time between
        /// that and the turn's beginning: at most `interval` too little, at most `interval` after the turn began.
        init(_ limits: StallDetector.Limits) {
            let shortest = min(
                limits.processorTime == 0 ? .max : limits.processorTime, limits.wallTime == 0 ? .max : limits.wallTime)
            interval = max(250_000, shortest / 4)
            patience = shortest &+ 2 &* interval
            look = max(1_000_000, shortest / 2)
        }
    }

    /// What workers set and the watchdog waits for.
    struct Timers {
        let timing: Timing
        let timers: WakeTimers

        /// Nil when there is nothing to look for.
        init?(_ configuration: ServerConfiguration, workerCount: Int) {
            guard let limits = Watchdog.limits(configuration) else { return nil }
            timing = Timing(limits)
            timers = WakeTimers(count: workerCount)
        }
    }

    private let published: PublishedCounters
    private let timers: WakeTimers
    private let timing: Timing
    private let census: WorkerCensus
    private let log: @Sendable (String) -> Void
    /// The watchdog's thread only.
    private var detectors: [StallDetector]
    private let thread = WatchdogThread()

    private final class WatchdogThread: @unchecked Sendable {
        var box: WorkerThreadBox?
    }

    /// What is looked for; nil when both limits are off.
    private static func limits(_ configuration: ServerConfiguration) -> StallDetector.Limits? {
        let limits = StallDetector.Limits(
            processorTime: WorkerCore.ms(configuration.stalledTurnCPU),
            wallTime: WorkerCore.ms(configuration.stalledTurnWall))
        return limits.areOff ? nil : limits
    }

    /// Starts the watchdog; it ends when no worker serves any more.
    ///
    /// - Returns: nil when there is nothing to look for.
    static func start(_ surroundings: WorkerSurroundings) -> Watchdog? {
        guard let limits = limits(surroundings.definition.configuration), let timers = surroundings.published.timers
        else { return nil }
        let watchdog = Watchdog(limits, timers, surroundings)
        watchdog.thread.box = WorkerThreadBox(WorkerThread(name: "gori-watchdog") { watchdog.run() })
        return watchdog
    }

    private init(_ limits: StallDetector.Limits, _ timers: Timers, _ surroundings: WorkerSurroundings) {
        published = surroundings.published
        self.timers = timers.timers
        timing = timers.timing
        census = surroundings.census
        log = surroundings.definition.log
        detectors = Array(repeating: StallDetector(limits: limits), count: surroundings.workerCount)
    }

    /// Waits until the thread has ended, which follows the end of the last worker.
    func join() {
        timers.ring()
        thread.box?.join()
    }

    private func run() {
        // Without a timer for each it looks as often as it would look at somebody who is late.
        let milliseconds = timers.isComplete ? -1 : Int32(clamping: timing.look / 1_000_000)
        while !census.isEmpty {
            timers.wait(milliseconds: milliseconds)
            while look(), !census.isEmpty {
                var time = timespec(tv_sec: 0, tv_nsec: Int(timing.look))
                clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
            }
        }
    }

    /// Looks at every worker. Returns whether one of them is to be looked at again: it is in a turn whose timer has run
    /// out, or it was and what has come of it is not known.
    private func look() -> Bool {
        var isLate = false
        let now = MonotonicClock.now()
        for worker in detectors.indices {
            guard let sample = published.activity(of: worker).pointee.sample() else {
                // It is moving. It is looked at again if something has been said of it.
                if detectors[worker].hasReported { isLate = true }
                continue
            }
            if let finding = detectors[worker].look(sample, now: now) { report(finding, worker, sample) }
            if sample.began != 0, now > sample.began, now &- sample.began >= timing.interval { isLate = true }
        }
        return isLate
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
