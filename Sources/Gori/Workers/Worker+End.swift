// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// Ending sessions, one by one and all together (rule M3).
extension Worker where Port: ~Copyable {
    /// Carries out what handlers, timers and checks have asked for.
    mutating func carryOutEnds() {
        activity.pointee.note(.ends)
        var position = 0
        while position < core.pointee.ending.count {
            let id = core.pointee.ending[position]
            position += 1
            guard let record = core.pointee.find(id), record.pointee.endRequested,
                record.pointee.phase == .open || record.pointee.phase == .greeting
            else { continue }
            close(id.slot, record, record.pointee.endReason)
        }
        core.pointee.ending.removeAll()
    }

    /// The first step of a close: no handler runs any more, goodbye stands behind what has begun.
    mutating func close(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, _ reason: EndReason) {
        let id = core.pointee.id(of: slot)
        core.pointee.catchUp(slot)
        core.pointee.leaveAll(slot)
        record.pointee.phase = .closing
        record.pointee.endRequested = true
        record.pointee.endDeadline = core.pointee.now &+ WorkerCore.ms(core.pointee.configuration.closeTimeout)
        core.pointee.schedule(slot)
        record.pointee.reassembler.release(to: &core.pointee.pool)
        record.pointee.held.releaseAll(pool: &core.pointee.pool)
        // All that waits goes at once, or the client would get later packets behind a gap. A slow reader would not take
        // it, and its memory is wanted now and not when the close is over.
        if reason == .slowReader || core.pointee.hasSessionLayer && reason != .disconnected {
            record.pointee.backlog.dropUnbegun(pool: &core.pointee.pool)
        }
        if core.pointee.hasSessionLayer, reason != .disconnected { sayGoodbye(slot, reason) }
        // Paused reading would leave input in the socket, and closing over unread input is a reset.
        if record.pointee.isPaused, !record.pointee.peerFinished { resume(slot, record) }
        core.pointee.markDirty(slot)
        guard record.pointee.wasOpened else { return }
        record.pointee.wasOpened = false
        activity.pointee.note(id)
        activity.pointee.note(.closing)
        hooks.close(id, reason, state)
    }

    private mutating func sayGoodbye(_ slot: Int, _ reason: EndReason) {
        let text = goodbyeText(reason, clientVersion: core.pointee.sessions.records[slot].clientVersion)
        Session(core: core, slot: slot).send(Goodbye(reason: reason, text: text))
    }

    // MARK: Drain

    /// Stops accepting and tells everybody.
    mutating func drain() {
        guard !core.pointee.isDraining else { return }
        core.pointee.isDraining = true
        drainDeadline = core.pointee.now &+ WorkerCore.ms(core.pointee.configuration.drainTimeout)
        for listener in acceptResume.indices {
            setAcceptResume(listener, due: MonotonicClock.never)
            port.stopAccepting(listener: listener)
        }
        for slot in 0..<core.pointee.sessions.slotsTouched { core.pointee.requestEnd(slot, .shuttingDown) }
    }

    mutating func checkDrained() {
        if core.pointee.sessions.count == 0, openListeners == 0, core.pointee.slowPartsRunning == 0 {
            isStopped = true
        } else if core.pointee.now >= drainDeadline {
            for slot in 0..<core.pointee.sessions.slotsTouched
            where core.pointee.sessions.records[slot].phase != .free {
                // What still waits for its turn is not sent, nor is the stream ended in order behind this.
                core.pointee.sessions.records[slot].phase = .finishing
                port.close(key(slot), hard: true)
            }
            // One more turn submits the closes; what does not end by then ends with the process.
            drainDeadline = core.pointee.now &+ WorkerCore.ms(500)
            if hasForcedEnd { isStopped = true }
            hasForcedEnd = true
        }
    }
}
