// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Platform

/// What makes turns larger than one completion: "drain before sending" (rule M2), looking for a moment, and waiting for
/// several.
extension UringPort {
    /// A drain gathers so many times as often where the caller asks for it with `gather` …
    private static let gatherFactor = 4
    /// … and for at most this long, in nanoseconds.
    static let drainTimeLimit: UInt64 = 2_000_000

    /// Looks for more that has arrived before the turn's sends go out.
    mutating func gatherMore() -> Bool {
        ring.releaseCompletions(upTo: head)
        tail = ring.completionTail
        if head != tail { return true }
        guard ring.hasTaskWork, mayDrain else { return false }
        let now = now()
        beginDrain(now)
        guard now < drainEnd else { return false }
        drainRounds &+= 1
        counts.pointee.systemCalls &+= 1
        _ = ring.enter(submit: 0, wait: 0, flags: enterFlags, argument: nil, size: 0)
        tail = ring.completionTail
        return head != tail
    }

    /// Whether the turn may still be added to.
    @inline(__always)
    private var mayDrain: Bool {
        drainRounds < roundLimit && buffers.freeCount &* 4 >= buffers.bufferCount
    }

    @inline(__always)
    private mutating func beginDrain(_ now: UInt64) {
        guard drainRounds == 0 else { return }
        // A deadline of 0 says that the caller has work, not that a timer is due.
        drainEnd = deadline == 0 ? now &+ Self.drainTimeLimit : min(now &+ Self.drainTimeLimit, deadline)
    }

    /// Waits for the kernel to have something to drain; `next` does that.
    public mutating func gather(for nanoseconds: UInt64) -> Bool {
        roundLimit = drainRoundLimit &* Self.gatherFactor
        guard mayDrain else { return false }
        var now = now()
        beginDrain(now)
        let end = min(drainEnd, now &+ nanoseconds)
        while now < end {
            if ring.hasTaskWork || ring.completionTail != head { return true }
            guard !ring.isForeign else { return false }
            now = self.now()
        }
        return false
    }

    // MARK: Batches

    /// A batch is as many times as large as the turn before …
    private static let batchFactor: UInt32 = 3
    /// … up to this, because what is waited for longest waits for all others.
    private static let largestBatch: UInt32 = 40

    /// Has the next wait be for several completions, as far as they come within 50 us. It sleeps meanwhile.
    public mutating func batchNextWait() {
        guard canWaitForSome else { return }
        batchSize = min(Self.largestBatch, max(2, (head &- turnHead) &* Self.batchFactor))
    }
}
