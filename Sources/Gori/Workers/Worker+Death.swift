// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Wire

/// What a worker whose port is broken still does for its application and for the others.
extension Worker where Port: ~Copyable {
    /// Ends every session without a word to its client, which this port cannot say any more: sessions leave their
    /// groups, `onClose` runs for those that were opened, and what they hold is given back. Their sockets are closed
    /// when the worker is deinitialised.
    mutating func abandonSessions() -> AbandonedSessions {
        var abandoned = AbandonedSessions(count: core.pointee.sessions.count)
        for slot in 0..<core.pointee.sessions.slotsTouched {
            let record = core.pointee.sessions.records + slot
            guard record.pointee.phase != .free else { continue }
            let id = core.pointee.id(of: slot)
            let reason = record.pointee.endRequested ? record.pointee.endReason : .failed
            core.pointee.leaveAll(slot)
            if record.pointee.isCounted { addressLimit?.release(slot: slot, worker: index) }
            record.pointee.phase = .finishing
            guard record.pointee.wasOpened else { continue }
            record.pointee.wasOpened = false
            activity.pointee.note(id)
            activity.pointee.note(.closing)
            hooks.close(id, reason, state)
        }
        // Only now: `onClose` may still have sent to one of them.
        for slot in 0..<core.pointee.sessions.slotsTouched { abandonMemory(slot, &abandoned) }
        core.pointee.moveOutput(to: &abandoned)
        published.setSessions(0, of: index)
        return abandoned
    }

    /// Gives back what a session holds but what the kernel may still read, which is noted.
    private mutating func abandonMemory(_ slot: Int, _ abandoned: inout AbandonedSessions) {
        let record = core.pointee.sessions.records + slot
        guard record.pointee.phase != .free else { return }
        core.pointee.clearOutput(slot)
        record.pointee.reassembler.release(to: &core.pointee.pool)
        record.pointee.held.releaseAll(pool: &core.pointee.pool)
        if let block = record.pointee.backlog.abandon(pool: &core.pointee.pool) { abandoned.blocks.append(block) }
    }

    /// Takes out what has not been delivered to other workers: that this one's groups are empty now.
    mutating func takeOutboxes() -> Outboxes {
        var outboxes = Outboxes(mailboxes: mailboxes, worker: index)
        swap(&outboxes, &core.pointee.outboxes)
        return outboxes
    }
}
