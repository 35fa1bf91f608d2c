// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// What is left of the sessions of a worker whose port is broken.
struct AbandonedSessions: ~Copyable {
    /// How many there were.
    let count: Int
    /// Memory of sends that waited for room. The kernel may read it until the port has gone, so that this goes after
    /// the worker.
    var blocks: [UnsafeMutableRawBufferPointer] = []

    init(count: Int) { self.count = count }

    deinit {
        for block in blocks {
            guard let base = block.baseAddress else { continue }
            IOMemory.deallocate(base, byteCount: block.count)
        }
    }
}

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
        published.setSessions(0, of: index)
        return abandoned
    }

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
