// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Platform

/// What makes turns larger than what one call of the kernel brings: "drain before sending" (rule M2) where the caller
/// gains by it, looking for a moment, and waiting for several.
extension UringPort {
    /// A drain takes so many times as many rounds where the caller would wait for more …
    private static let gatherFactor = 4
    /// … and at most this long, in nanoseconds.
    static let drainTimeLimit: UInt64 = 2_000_000

    /// Looks for something to drain, or waits for it; `next` takes it.
    public mutating func gather(for nanoseconds: UInt64) -> Bool {
        let limit = nanoseconds > 0 ? drainRoundLimit &* Self.gatherFactor : drainRoundLimit
        guard drainRounds < limit, buffers.freeCount &* 4 >= buffers.bufferCount else { return false }
        var now = now()
        // A deadline of 0 says that the caller has work, not that a timer is due.
        let latest = now &+ Self.drainTimeLimit
        if drainRounds == 0 { drainEnd = deadline == 0 ? latest : min(latest, deadline) }
        guard now < drainEnd else { return false }
        drainRounds &+= 1
        let end = min(drainEnd, now &+ nanoseconds)
        repeat {
            mayDrain = ring.hasTaskWork || ring.completionTail != head
            if mayDrain || ring.isForeign { break }
            now = self.now()
        } while now < end
        return mayDrain
    }

    /// Takes what has arrived since, before the turn's sends go out: what stands in the queue, and what only a call of
    /// the kernel puts there when `gather` has found some.
    mutating func drain() -> Bool {
        ring.releaseCompletions(upTo: head)
        tail = ring.completionTail
        if head != tail { return true }
        guard mayDrain else { return false }
        mayDrain = false
        counts.pointee.systemCalls &+= 1
        _ = ring.enter(submit: 0, wait: 0, flags: enterFlags, argument: nil, size: 0)
        tail = ring.completionTail
        return head != tail
    }

    // MARK: Batches

    /// A batch is not larger than this, because what is waited for longest waits for all others.
    private static let largestBatch: UInt32 = 128

    /// Has the next wait be for several completions, as far as they come within 50 us. It sleeps meanwhile.
    public mutating func batchNextWait(for count: Int) {
        guard canWaitForSome else { return }
        batchSize = min(UInt32(clamping: count), Self.largestBatch)
    }
}
