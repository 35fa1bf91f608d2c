// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// The system call of a turn: everything queued is submitted, and a completion waited for.
extension UringPort {
    /// How many completions a fixed wait asks for (`PortTechniques.fixedWait`) …
    private static let fixedCount: UInt32 = 16
    /// … and for how many microseconds, as a batch does: that late a lone completion or a doorbell may be.
    private static let fixedTime: UInt32 = 50
    /// What stands for a wait without end, in nanoseconds: where there is none, the kernel makes the short time the
    /// end of the whole wait instead of the end of its first part.
    private static let longTime: UInt64 = 3_600_000_000_000
    /// The same as a deadline: after 36 years of the machine.
    private static let farAway: UInt64 = 1 << 60

    /// Submits the whole queue and waits: for a completion, or as `fixedWait` does.
    ///
    /// Never for many completions without a bound: the kernel wakes a waiter after so many pieces of deferred work,
    /// and a doorbell or a receive that brings much is one piece.
    @inline(__always)
    mutating func submitAndWait() throws(PortError) {
        guard waitsPlainly, deadline == MonotonicClock.never, batchSize == 0 else {
            return try submitAndWaitOtherwise()
        }
        counts.pointee.systemCalls &+= 1
        let asked = ring.queued
        let result = ring.enter(submit: asked, wait: 1, flags: enterFlags, argument: nil, size: 0)
        if result != Int32(truncatingIfNeeded: asked) { try finishSubmitting(result, asked: asked) }
    }

    @inline(never)
    private mutating func submitAndWaitOtherwise() throws(PortError) {
        if techniques.contains(.fixedWait) { return try submitAndWaitForSome() }
        guard batchSize > 0 else { return try submitAll(wait: 1, until: deadline) }
        try submitAll(wait: batchSize, until: min(deadline, Self.farAway), gathering: Self.fixedTime)
    }

    /// Whether a wait may be for many completions for a short time and for one from then on (Linux 6.12).
    var canWaitForSome: Bool {
        waitsPlainly && features.contains(.absoluteTimer) && ring.features & UInt32(CL_FEATURE_MIN_TIMEOUT) != 0
    }

    /// The kernel did not take all that was queued, or was interrupted.
    @inline(never)
    private mutating func finishSubmitting(_ result: Int32, asked: UInt32) throws(PortError) {
        try heed(result, asked: asked)
        if ring.queued > 0 { try submitAll(wait: 0, until: 0) }
    }

    /// What io_uring_enter(2) has said: enough, too much at once, or that nothing goes any more.
    private mutating func heed(_ result: Int32, asked: UInt32) throws(PortError) {
        noteRefusal(result, asked: asked)
        switch result {
        case 0..., -ETIME, -EINTR: break
        case -EAGAIN, -EBUSY: makeRoom()
        default: throw PortError(call: "io_uring_enter", code: -result)
        }
    }

    private mutating func submitAndWaitForSome() throws(PortError) {
        let now = now()
        if features.contains(.absoluteTimer), ring.features & UInt32(CL_FEATURE_MIN_TIMEOUT) != 0 {
            // The kernel waits for one completion when it has waited so long for many (Linux 6.12).
            return try submitAll(
                wait: Self.fixedCount, until: min(deadline, now &+ Self.longTime), gathering: Self.fixedTime)
        }
        try submitAll(wait: Self.fixedCount, until: min(deadline, now &+ UInt64(Self.fixedTime) &* 1_000))
        guard ring.completionTail == head, spilledHead == spilled.count else { return }
        try submitAll(wait: 1, until: deadline)
    }

    /// Submits the whole queue, and waits if asked to.
    ///
    /// - Parameters:
    ///   - minimum: completions to wait for; 0: none.
    ///   - deadline: when the wait ends, as in `CompletionPort.wait(until:)`.
    ///   - gathering: microseconds after which one completion is enough; 0: `minimum` are needed.
    mutating func submitAll(
        wait minimum: UInt32, until deadline: UInt64, gathering: UInt32 = 0
    ) throws(PortError) {
        var timespec = __kernel_timespec()
        var argument = cl_wait_argument()
        argument.min_wait_microseconds = gathering
        var flags = enterFlags
        let hasDeadline = minimum > 0 && deadline != MonotonicClock.never
        if hasDeadline {
            var nanoseconds = deadline
            flags |= UInt32(CL_ENTER_EXT_ARG)
            if features.contains(.absoluteTimer) {
                flags |= UInt32(CL_ENTER_ABS_TIMER)
            } else {
                let now = now()
                nanoseconds = deadline > now ? deadline &- now : 0
            }
            timespec.tv_sec = Int64(truncatingIfNeeded: nanoseconds / 1_000_000_000)
            timespec.tv_nsec = Int64(truncatingIfNeeded: nanoseconds % 1_000_000_000)
        }
        var wait = minimum
        if ring.isPolled {
            let wakes = ring.publishToPoller()
            if !wakes, minimum == 0 { return }
            if wakes { flags |= UInt32(CL_ENTER_SQ_WAKEUP) }
            // Behind the ends of the turn's sends.
            if minimum > 0 { wait &+= UInt32(truncatingIfNeeded: silentSendsQueued) }
        }
        repeat {
            counts.pointee.systemCalls &+= 1
            let asked = ring.isPolled ? 0 : ring.queued
            let result = withUnsafePointer(to: &timespec) { time -> Int32 in
                argument.timespec = hasDeadline ? UInt64(UInt(bitPattern: time)) : 0
                return withUnsafePointer(to: &argument) {
                    ring.enter(
                        submit: asked, wait: wait, flags: flags, argument: hasDeadline ? $0 : nil,
                        size: hasDeadline ? MemoryLayout<cl_wait_argument>.size : 0)
                }
            }
            try heed(result, asked: asked)
            wait = 0
        } while !ring.isPolled && ring.queued > 0
    }

    /// Empties the submission queue in the middle of a turn. Nothing is given back: the turn settles as a whole.
    mutating func submitMidway() {
        guard !ring.isPolled else { return waitForPoller() }
        while ring.queued > 0 {
            counts.pointee.systemCalls &+= 1
            let asked = ring.queued
            let result = ring.enter(submit: asked, wait: 0, flags: 0, argument: nil, size: 0)
            noteRefusal(result, asked: asked)
            if result == -EAGAIN || result == -EBUSY { makeRoom() }
            precondition(
                result >= 0 || result == -EAGAIN || result == -EBUSY || result == -EINTR, "io_uring_enter: \(result)")
        }
        tail = ring.completionTail
        collectFailedSends()
        putFailedFirst()
    }

    /// Reads the whole queue for failed sends, so that all memory named by the last turn's sends is free afterwards
    /// (rule M1: submitted, the queue read to its end, no overflow).
    @inline(__always)
    mutating func settle() throws(PortError) {
        settleSends()
        silentSendsQueued = 0
        putFailedFirst()
        if !endings.isEmpty { putEndings() }
    }

    @inline(never)
    private mutating func putEndings() {
        pending.append(contentsOf: endings)
        endings.removeAll()
    }

    /// Reads the whole queue for sends that the kernel did not take whole. None is unseen when this returns.
    @inline(__always)
    mutating func settleSends() {
        tail = ring.completionTail
        collectFailedSends()
        if ring.hasOverflow { emptyOverflow() }
        if ring.isPolled { waitForSends() }
    }

    @inline(never)
    private mutating func emptyOverflow() {
        while ring.hasOverflow {
            counts.pointee.overflows &+= 1
            makeRoom()
            collectFailedSends()
        }
    }

    // MARK: Where a thread of the kernel submits

    /// The queue is full: waits until the kernel's thread has taken something.
    private mutating func waitForPoller() {
        while ring.isFull {
            let wakes = ring.publishToPoller() ? UInt32(CL_ENTER_SQ_WAKEUP) : 0
            counts.pointee.systemCalls &+= 1
            let flags = wakes | UInt32(CL_ENTER_SQ_WAIT)
            let result = ring.enter(submit: 0, wait: 0, flags: flags, argument: nil, size: 0)
            precondition(result >= 0 || result == -EINTR, "io_uring_enter: \(result)")
        }
    }

    /// Every send says how it ended, and none waits for room: so they all end soon, and their memory is free then.
    private mutating func waitForSends() {
        while silentSendsQueued > 0 {
            let seen = tail &- head
            if ring.hasOverflow || seen >= ring.cqEntries {
                makeRoom()
            } else {
                let wakes = ring.publishToPoller() ? UInt32(CL_ENTER_SQ_WAKEUP) : 0
                counts.pointee.systemCalls &+= 1
                let result = ring.enter(submit: 0, wait: seen &+ 1, flags: enterFlags | wakes, argument: nil, size: 0)
                precondition([0, -EINTR, -EAGAIN, -EBUSY].contains(min(0, result)), "io_uring_enter: \(result)")
                tail = ring.completionTail
            }
            collectFailedSends()
        }
    }
}
