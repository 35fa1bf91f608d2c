// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Synchronization
internal import Wire

/// The rest of a turn: mail, timers, and the flush.
extension Worker where Port: ~Copyable {
    // MARK: Mail

    mutating func readLetters() {
        for letter in mailboxes.takeLetters(of: index) {
            switch letter {
            case .drain: drain()
            case .perform(let body):
                activity.pointee.note(.perform)
                body(WorkerContext(core: core), state)
            case .job(let job):
                activity.pointee.note(.slowPart)
                executor.run(job)
            case .finishSlowPart(let id, let body): finishSlowPart(id, body)
            #if DEBUG || GORI_FAULTS
                case .breakPort: faults.isBroken = true
            #endif
            }
        }
    }

    mutating func readMessages() {
        for peer in 0..<mailboxes.workerCount where peer != index {
            while let message = mailboxes.next(from: peer, to: index) { received(message, from: peer) }
            if mailboxes.wasFull(from: peer, to: index) { mailboxes.wake(peer) }
        }
    }

    private mutating func received(_ message: Message, from peer: Int) {
        switch message.tag {
        case Message.handOver:
            adopt(message.descriptor, isCounted: message.isCounted)
        case Message.parcel: open(parcelAt: message.payload)
        case Message.groupPresent: core.pointee.heard(Group(rawValue: message.payload), isPresent: true, from: peer)
        case Message.groupAbsent: core.pointee.heard(Group(rawValue: message.payload), isPresent: false, from: peer)
        default:
            guard let batch = UnsafeMutableRawPointer(bitPattern: UInt(message.payload)) else { return }
            activity.pointee.note(.message, detail: message.tag)
            hooks.message(message.tag, batch, peer, WorkerContext(core: core), state)
        }
    }

    /// Every worker has ended: sockets on their way here are closed, parcels dropped.
    mutating func clearMail() {
        mailboxes.discardMessages(to: index)
        for message in core.pointee.outboxes.takeWaiting() { mailboxes.discard(message) }
    }

    private mutating func open(parcelAt address: UInt64) {
        guard let pointer = UnsafeRawPointer(bitPattern: UInt(address)) else { return }
        let parcel = Unmanaged<Parcel>.fromOpaque(pointer).takeRetainedValue()
        let core = core
        parcel.open { addressee, packet in
            switch addressee {
            case .group(let group): core.pointee.publishHere(Group(rawValue: group), packet)
            case .session(let id):
                let id = SessionID(rawValue: id)
                guard let record = core.pointee.find(id), record.pointee.phase == .open else { return }
                core.pointee.send(id.slot, packet)
            }
        }
    }

    mutating func postMail() {
        for peer in 0..<mailboxes.workerCount {
            guard let parcel = core.pointee.parcels[peer] else { continue }
            core.pointee.parcels[peer] = nil
            let payload = UInt64(UInt(bitPattern: Unmanaged.passRetained(parcel).toOpaque()))
            core.pointee.outboxes.post(Message(tag: Message.parcel, payload: payload), to: peer)
        }
        core.pointee.outboxes.flush()
        if !core.pointee.congested.isEmpty, !core.pointee.outboxes.isBlocked { resumeCongested() }
    }

    /// What is not counted as it happens but looked up.
    mutating func publishGauges() {
        let sessions = core.pointee.sessions.count
        let counts = core.pointee.counts
        if sessions != toldSessions {
            toldSessions = sessions
            sessionCount.pointee.store(sessions, ordering: .relaxed)
            counts.pointee.sessions.set(UInt64(truncatingIfNeeded: sessions))
        }
        counts.pointee.heapBlocks.set(UInt64(truncatingIfNeeded: core.pointee.pool.heapAllocations))
        counts.pointee.bytesHeld.set(UInt64(truncatingIfNeeded: core.pointee.pool.bytesInUse))
    }

    // MARK: Timers

    mutating func expireTimers() {
        let now = core.pointee.now
        activity.pointee.note(.timers)
        while let slot = core.pointee.wheel.expire(at: now) { expired(slot, now) }
        for number in periodicDue.indices where now >= periodicDue[number] {
            // A late period moves the schedule; it is never caught up.
            let interval = definition.periodic[number].interval
            setPeriodic(number, due: max(periodicDue[number] &+ interval, now &+ interval / 2))
            activity.pointee.note(.periodic, detail: UInt32(truncatingIfNeeded: number))
            hooks.periodic(number, WorkerContext(core: core), state)
        }
        for listener in acceptResume.indices where now >= acceptResume[listener] {
            setAcceptResume(listener, due: MonotonicClock.never)
            port.resumeAccepting(listener: listener)
        }
    }

    private mutating func expired(_ slot: Int, _ now: UInt64) {
        let record = core.pointee.sessions.records + slot
        switch record.pointee.phase {
        case .free: return
        case .greeting:
            if now >= core.pointee.nextDeadline(record) { core.pointee.requestEnd(slot, .helloTimeout) }
        case .open: checkOpen(slot, record, now)
        case .closing, .finishing:
            if now >= record.pointee.endDeadline {
                record.pointee.phase = .finishing
                record.pointee.endDeadline = now &+ WorkerCore.ms(core.pointee.configuration.closeTimeout)
                port.close(key(slot), hard: record.pointee.endIsOverdue)
                record.pointee.endIsOverdue = true
            }
        }
        core.pointee.schedule(slot)
    }

    private mutating func checkOpen(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>, _ now: UInt64) {
        let configuration = core.pointee.configuration
        if core.pointee.hasSessionLayer, configuration.heartbeat > 0 {
            let heartbeat = WorkerCore.ms(configuration.heartbeat)
            // A session that is not read, because the server is busy with it, is not silent.
            if now &- record.pointee.receivedAt >= 3 &* heartbeat, !record.pointee.isPaused {
                return endSilent(slot)
            }
            if now &- max(record.pointee.receivedAt, record.pointee.sentAt) >= heartbeat {
                record.pointee.sentAt = now
                Session(core: core, slot: slot).send(Ping(token: now))
            }
        }
        if !core.pointee.hasSessionLayer, configuration.idleTimeout > 0, !record.pointee.isPaused,
            now &- record.pointee.receivedAt >= WorkerCore.ms(configuration.idleTimeout)
        {
            return endSilent(slot)
        }
        if record.pointee.partialSince > 0, configuration.packetTimeout > 0,
            now &- record.pointee.partialSince >= WorkerCore.ms(configuration.packetTimeout)
        {
            return core.pointee.requestEnd(slot, .malformed)
        }
        if record.pointee.slowPartRuns, now >= record.pointee.slowPartDeadline {
            return core.pointee.requestEnd(slot, .handlerTimedOut)
        }
        if record.pointee.timerDeadline > 0, now >= record.pointee.timerDeadline {
            record.pointee.timerDeadline = 0
            activity.pointee.note(core.pointee.id(of: slot))
            activity.pointee.note(.sessionTimer)
            hooks.timer(Session(core: core, slot: slot), state)
        }
    }

    private mutating func endSilent(_ slot: Int) {
        // Its timer may come once more before the end is carried out.
        guard !core.pointee.sessions.records[slot].endRequested else { return }
        core.pointee.counts.pointee.silent &+= 1
        core.pointee.requestEnd(slot, .silent)
    }

    // MARK: Flush

    /// One gather send for each session that has output, or for so many of them that the sends of one turn never keep
    /// the worker from receiving for long.
    mutating func flush() {
        activity.pointee.note(.flush)
        if core.pointee.groups.hasPublished {
            let batch = core.pointee.groups.batch
            if batch > 0 { port.batchNextWait(for: batch) }
            core.pointee.flushGroups()
        }
        for position in 0..<core.pointee.deferred.count {
            let slot = Int(core.pointee.deferred[position])
            core.pointee.sessions.records[slot].isDeferred = false
            core.pointee.markDirty(slot)
        }
        core.pointee.deferred.removeAll()
        if core.pointee.dirty.count <= core.pointee.flushSlice, core.pointee.waiting.isEmpty {
            for position in 0..<core.pointee.dirty.count { flush(Int(core.pointee.dirty[position])) }
        } else {
            queueOutput()
            flushSlice()
        }
        core.pointee.dirty.removeAll()
    }

    /// Has everybody with new output wait for a slice, but for output that cannot wait.
    private mutating func queueOutput() {
        for position in 0..<core.pointee.dirty.count {
            let slot = Int(core.pointee.dirty[position])
            let record = core.pointee.sessions.records + slot
            guard record.pointee.isDirty else { continue }
            guard !record.pointee.namesInput else {
                flush(slot)
                continue
            }
            record.pointee.isWaiting = true
            if record.pointee.isUrgent {
                core.pointee.waiting.urgent.append(Int32(truncatingIfNeeded: slot))
            } else {
                core.pointee.waiting.others.append(Int32(truncatingIfNeeded: slot))
            }
        }
    }

    /// Flushes so many of those who wait as a turn may send to.
    private mutating func flushSlice() {
        var rest = core.pointee.flushSlice
        var others = core.pointee.waiting.others.isEmpty ? 0 : max(1, rest / 4)
        while rest > others, let slot = core.pointee.waiting.urgent.next() { rest &-= flushIfDirty(slot) }
        others = rest
        while others > 0, let slot = core.pointee.waiting.others.next() { others &-= flushIfDirty(slot) }
        while others > 0, let slot = core.pointee.waiting.urgent.next() { others &-= flushIfDirty(slot) }
    }

    /// Returns how many sessions that were: 0 where the session has been flushed since it was queued.
    private mutating func flushIfDirty(_ slot: Int) -> Int {
        guard core.pointee.sessions.records[slot].isDirty else { return 0 }
        flush(slot)
        return 1
    }

    @inline(__always)
    private mutating func flush(_ slot: Int) {
        let record = core.pointee.sessions.records + slot
        record.pointee.isDirty = false
        record.pointee.isUrgent = false
        record.pointee.namesInput = false
        record.pointee.isWaiting = false
        guard record.pointee.phase != .free, record.pointee.phase != .finishing else {
            return core.pointee.clearOutput(slot)
        }
        if record.pointee.backlog.isEmpty {
            if record.pointee.partCount > 0 { return sendOutput(slot, record) }
        } else {
            if record.pointee.backlog.isInFlight { return }
            if record.pointee.sendTurn == core.pointee.turn { return core.pointee.deferToNextTurn(slot) }
            record.pointee.sentAt = core.pointee.now
            return port.sendTracked(key(slot), record.pointee.backlog.beginSend())
        }
        guard record.pointee.phase == .closing else { return }
        // The last send counts as settled from the next turn on.
        if record.pointee.sendTurn == core.pointee.turn { return core.pointee.deferToNextTurn(slot) }
        record.pointee.phase = .finishing
        port.finish(key(slot))
    }

    @inline(__always)
    private mutating func sendOutput(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>) {
        guard record.pointee.sendTurn != core.pointee.turn else { return core.pointee.deferToNextTurn(slot) }
        record.pointee.sendTurn = core.pointee.turn
        record.pointee.sentAt = core.pointee.now
        if record.pointee.partCount == 1, core.pointee.mayGoWhole(record.pointee.firstPart) {
            // As a rule: the list is where the output was gathered.
            let key = key(slot)
            withUnsafePointer(to: &record.pointee.firstPart) { part in
                port.send(key, UnsafeBufferPointer(start: part, count: 1))
            }
            core.pointee.endSend(record)
        } else {
            let count = core.pointee.gather(slot, into: parts)
            port.send(key(slot), UnsafeBufferPointer(start: parts, count: count))
        }
        if record.pointee.phase == .closing { core.pointee.deferToNextTurn(slot) }
    }
}
