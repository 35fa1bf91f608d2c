// SPDX-License-Identifier: Apache-2.0

/// Decides from looks at one worker whether its turn has stalled: when to say so, when again, and when it is over.
///
/// A turn's processor time is not known exactly: its worker reads the thread's clock every few milliseconds, not
/// whenever a turn begins. So what is compared with the limit is what the turn has used for certain: since that
/// reading, less the time between it and the turn's beginning. Nobody is named for less than the limit.
struct StallDetector {
    /// In nanoseconds; 0: not looked at.
    struct Limits: Sendable {
        var processorTime: UInt64
        var wallTime: UInt64

        var areOff: Bool { processorTime == 0 && wallTime == 0 }
    }

    enum Finding: Equatable {
        /// - Parameter seen: for how long at least the worker has been at what it does now, in nanoseconds.
        case stalled(wallTime: UInt64, processorTime: UInt64, seen: UInt64)
        case recovered(wallTime: UInt64, processorTime: UInt64)
    }

    /// Said at the limit, at 10 times and at 100 times the limit.
    private static let lastFactor: UInt64 = 100

    private let limits: Limits
    private var last = WorkerActivity.Sample()
    /// Of the turn under way: what the thread's clock was at most when it began.
    private var base: UInt64 = 0
    private var doingSince: UInt64 = 0
    /// What the limits are multiplied with for the next report; 1: nothing has been said about this turn.
    private var factor: UInt64 = 1

    init(limits: Limits) { self.limits = limits }

    /// Something has been said about the turn under way, and not that it is over.
    var hasReported: Bool { factor > 1 }

    /// Takes a look, made at `now`.
    mutating func look(_ sample: WorkerActivity.Sample, now: UInt64) -> Finding? {
        defer { last = sample }
        guard sample.began == last.began, sample.began != 0 else { return lookAtAnother(sample, now) }
        if sample.doing != last.doing || sample.session != last.session { doingSince = now }
        let wallTime = now &- sample.began
        let processorTime = used(sample)
        guard factor <= Self.lastFactor, isAbove(processorTime, wallTime) else { return nil }
        while factor <= Self.lastFactor, isAbove(processorTime, wallTime) { factor &*= 10 }
        return .stalled(wallTime: wallTime, processorTime: processorTime, seen: now &- doingSince)
    }

    /// The worker waits, or is in another turn than at the last look.
    private mutating func lookAtAnother(_ sample: WorkerActivity.Sample, _ now: UInt64) -> Finding? {
        var finding: Finding?
        if factor > 1 {
            finding = .recovered(wallTime: now &- last.began, processorTime: used(sample))
        }
        factor = 1
        guard sample.began != 0 else { return finding }
        base = sample.base
        doingSince = now
        return finding ?? firstLook(sample, now)
    }

    /// The turn may be above the limit when it is first seen.
    private mutating func firstLook(_ sample: WorkerActivity.Sample, _ now: UInt64) -> Finding? {
        let wallTime = now > sample.began ? now &- sample.began : 0
        let processorTime = used(sample)
        guard isAbove(processorTime, wallTime) else { return nil }
        while factor <= Self.lastFactor, isAbove(processorTime, wallTime) { factor &*= 10 }
        return .stalled(wallTime: wallTime, processorTime: processorTime, seen: 0)
    }

    /// A thread that has ended has no clock any more.
    private func used(_ sample: WorkerActivity.Sample) -> UInt64 {
        sample.processorTime > base ? sample.processorTime &- base : 0
    }

    private func isAbove(_ processorTime: UInt64, _ wallTime: UInt64) -> Bool {
        if limits.processorTime > 0, processorTime >= limits.processorTime &* factor { return true }
        return limits.wallTime > 0 && wallTime >= limits.wallTime &* factor
    }
}
