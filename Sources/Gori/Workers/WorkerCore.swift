// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// What a worker owns besides its port: sessions, output, groups, timers, mail. One thread, no lock.
///
/// It lives at a fixed address, because handlers reach it through `Session` while the worker's turn goes on. For the
/// same reason nothing here calls user code: whoever holds `self` must not be entered again.
struct WorkerCore: ~Copyable {
    // What every turn and every packet looks at lies together.
    /// The time of this turn, read once.
    var now: UInt64
    /// Counts turns; a send of one turn is settled in the next.
    var turn: UInt64 = 1
    /// In memory of the server, which outlives the worker.
    let counts: UnsafeMutablePointer<WorkerCounts>
    /// Receive memory of the completion being handled: what lies in it is sent without a copy.
    var sliceStart = UInt(0)
    var sliceEnd = UInt(0)
    /// Of the configuration.
    let backlogHighWater: Int
    let flushSlice: Int
    /// When the application wants a turn at the latest; the first turn comes at once.
    var alarm: UInt64 = 0
    /// Slots with output, or with something else for the flush to do.
    var dirty: Column<Int32>
    /// Slots whose output waits for the next turn.
    var deferred = Column<Int32>(capacity: 1_024)
    /// Sessions that ended in this turn and whose end has not been carried out.
    var ending = Column<SessionID>(capacity: 1_024)
    /// The session being handled sends more to another worker than that takes.
    var isCongested = false
    var isDraining = false
    let hasSessionLayer: Bool
    /// Each packet is a send of its own (`PortTechniques.sendPerPacket`).
    let sendsPackets: Bool
    var outboxes: Outboxes
    var wheel: TimerWheel
    var output = OutputMemory()
    var pool = BlockPool()
    var groups = GroupTable()
    /// Slots whose output waits for a slice of the flush.
    var waiting = FlushQueue()
    var sessions: SessionTable
    let framing: Framing

    let index: Int
    let definition: ServerDefinition
    let configuration: ServerConfiguration
    let greetingFraming: Framing
    let startedAt: UInt64
    /// Packets of this turn for other workers.
    var parcels: [Parcel?]
    /// Sessions that are not read until the outboxes are empty again.
    var congested = Column<SessionID>()
    var slowPartsRunning = 0
    /// Set by the worker when it is made.
    var executor: WorkerExecutor?

    init(
        index: Int, definition: ServerDefinition, mailboxes: Mailboxes, counts: UnsafeMutablePointer<WorkerCounts>,
        now: UInt64, startedAt: UInt64
    ) {
        let configuration = definition.configuration
        self.index = index
        self.counts = counts
        self.definition = definition
        self.configuration = configuration
        backlogHighWater = configuration.backlogHighWater
        flushSlice = configuration.flushSlice
        self.now = now
        self.startedAt = startedAt
        framing = configuration.framing
        greetingFraming = Framing(
            sizeWidth: framing.sizeWidth, typeWidth: framing.typeWidth, byteOrder: framing.byteOrder,
            sizeIncludesHeader: framing.sizeIncludesHeader, maximumPacketSize: Hello.maximumPacketSize)
        sendsPackets = configuration.techniques.contains(.sendPerPacket)
        hasSessionLayer = configuration.sessionLayer.served != nil
        dirty = Column(capacity: configuration.sessionsPerWorker)
        sessions = SessionTable(capacity: configuration.sessionsPerWorker)
        wheel = TimerWheel(capacity: configuration.sessionsPerWorker, now: now)
        outboxes = Outboxes(mailboxes: mailboxes, worker: index)
        parcels = Array(repeating: nil, count: mailboxes.workerCount)
    }

    /// What the worker has done so far.
    var counters: WorkerCounters {
        var counters = WorkerCounters()
        LiveCounts.add(counts, to: &counters)
        return counters
    }

    /// The record of an id, nil when the session has ended or lives elsewhere.
    @inline(__always)
    func find(_ id: SessionID) -> UnsafeMutablePointer<SessionRecord>? {
        guard id.worker == index else { return nil }
        return sessions.find(slot: id.slot, generation: id.generation)
    }

    /// The id of a slot's present session.
    @inline(__always)
    func id(of slot: Int) -> SessionID {
        SessionID(worker: index, slot: slot, generation: sessions.records[slot].generation)
    }

    /// Microseconds since the server started: the time on the wire.
    var wireTime: UInt64 { (now &- startedAt) / 1_000 }

    /// The last turn's sends are settled: what they named is free, unless somebody who waits is still to be sent it.
    @inline(__always)
    mutating func settle() { output.settle(waiting, turn: turn &- 1, pool: &pool) }

    /// Gives back what the last turns have left, for a worker that goes.
    mutating func releaseBlocks() {
        groups.endTurn(into: &output.logs)
        output.release(pool: &pool)
    }

    /// Leaves what may have been sent and is not settled to whoever gives it back when the port has gone.
    mutating func moveOutput(to abandoned: inout AbandonedSessions) {
        groups.endTurn(into: &output.logs)
        swap(&output, &abandoned.output)
        swap(&pool, &abandoned.pool)
    }

    // MARK: Ending

    /// Marks a session as ended; carried out by the worker when no handler runs.
    mutating func requestEnd(_ slot: Int, _ reason: EndReason) {
        let record = sessions.records + slot
        guard record.pointee.phase == .open || record.pointee.phase == .greeting, !record.pointee.endRequested
        else { return }
        if reason == .slowReader { counts.pointee.slowReaders &+= 1 }
        record.pointee.endRequested = true
        record.pointee.endReason = reason
        ending.append(id(of: slot))
    }

    /// Counts an invalid packet; ends the session when its budget is spent.
    mutating func violate(_ slot: Int) {
        let record = sessions.records + slot
        counts.pointee.violations &+= 1
        if now &- record.pointee.violationWindow >= 60_000_000_000 {
            record.pointee.violationWindow = now
            record.pointee.violations = 0
        }
        record.pointee.violations &+= 1
        if Int(record.pointee.violations) > configuration.violationBudget { requestEnd(slot, .violations) }
    }

    // MARK: Time

    /// When a session is to be looked at again.
    mutating func nextDeadline(_ record: UnsafeMutablePointer<SessionRecord>) -> UInt64 {
        var deadline = MonotonicClock.never
        switch record.pointee.phase {
        case .free: break
        case .greeting:
            if configuration.helloTimeout > 0 {
                deadline = record.pointee.openedAt &+ Self.ms(configuration.helloTimeout)
            }
        case .closing, .finishing: deadline = record.pointee.endDeadline
        case .open:
            if configuration.heartbeat > 0, hasSessionLayer {
                let last = max(record.pointee.receivedAt, record.pointee.sentAt)
                deadline = min(
                    last &+ Self.ms(configuration.heartbeat),
                    record.pointee.receivedAt &+ 3 &* Self.ms(configuration.heartbeat))
            }
            if !hasSessionLayer, configuration.idleTimeout > 0 {
                deadline = record.pointee.receivedAt &+ Self.ms(configuration.idleTimeout)
            }
            if record.pointee.partialSince > 0, configuration.packetTimeout > 0 {
                deadline = min(deadline, record.pointee.partialSince &+ Self.ms(configuration.packetTimeout))
            }
            if record.pointee.slowPartRuns { deadline = min(deadline, record.pointee.slowPartDeadline) }
            if record.pointee.timerDeadline > 0 { deadline = min(deadline, record.pointee.timerDeadline) }
        }
        return deadline
    }

    /// Enters a session's next deadline into the wheel.
    mutating func schedule(_ slot: Int) {
        let deadline = nextDeadline(sessions.records + slot)
        if deadline == MonotonicClock.never { wheel.cancel(slot) } else { wheel.set(slot, deadline: deadline) }
    }

    static func ms(_ milliseconds: Int) -> UInt64 { UInt64(max(0, milliseconds)) &* 1_000_000 }
}
