// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Synchronization
internal import Wire

/// One worker: a port, its sessions, and the turn that moves bytes between them.
///
/// `step()` is one turn; a thread calls it in a loop, a simulator in any order it likes. The worker is generic over its
/// port and instantiated in this module for each, which is what makes the compiler write a copy with direct calls.
/// User code is called from here and nowhere else, and never while `core` is borrowed.
struct Worker<Port: CompletionPort & ~Copyable>: ~Copyable {
    // What every turn looks at lies together: it finds nothing of it in the cache when it comes from the kernel.
    let core: UnsafeMutablePointer<WorkerCore>
    let state: UnsafeMutableRawPointer
    let activity: UnsafeMutablePointer<WorkerActivity>
    let mailboxes: Mailboxes
    let published: PublishedCounters
    /// When the watchdog is to be told that all is well.
    private var pulseDue: UInt64
    /// What its sessions may hold before those of all are looked at, in bytes.
    let memoryShare: Int
    /// Before this nothing is due.
    var nextDue: UInt64 = 0
    /// The first of when periodic hooks are to run and listeners to go on: looked at in every turn, changed in few.
    private var choresDue = MonotonicClock.never
    var drainDeadline = MonotonicClock.never
    let index: Int
    /// How many sessions have been told of last, as far as the end of a turn knows; -1: look again.
    var toldSessions = 0
    let parts: UnsafeMutablePointer<IOVector>
    /// There is no other worker, and so no message from one or to one.
    private let isAlone: Bool
    var isStopped = false
    let hooks: Hooks
    let routes: UnsafeMutablePointer<Route>
    let routeCount: Int

    var port: Port
    let definition: ServerDefinition
    let executor: WorkerExecutor
    let sessionCount: UnsafeMutablePointer<Atomic<Int>>
    let addressLimit: AddressLimit?
    /// When each periodic hook is to run.
    private(set) var periodicDue: [UInt64]
    /// When each listener is to go on.
    private(set) var acceptResume: [UInt64] = []
    /// Since when accepting has found no descriptor although there is room in the table; `never`: it finds them.
    var withoutDescriptorsSince = MonotonicClock.never
    /// When it found none last.
    var withoutDescriptorsAt: UInt64 = 0
    var openListeners = 0
    var listeners: [Int32] = []
    var reserve = DescriptorReserve()
    var acceptLog = LogLimit()
    var memoryLog = LogLimit()
    var hasForcedEnd = false
    #if DEBUG || GORI_FAULTS
        var faults: WorkerFaults
    #endif

    init(port: consuming Port, index: Int, _ surroundings: WorkerSurroundings) {
        let now = port.now()
        let definition = surroundings.definition
        core = SlotMemory.allocateOne(WorkerCore.self)
        core.initialize(
            to: WorkerCore(
                index: index, definition: definition, mailboxes: surroundings.mailboxes,
                counts: surroundings.published.pages.counts(of: index), now: now, startedAt: surroundings.startedAt))
        surroundings.published.pages.setPort(port.counterMemory, of: index)
        self.port = port
        self.index = index
        isAlone = surroundings.mailboxes.workerCount == 1
        self.definition = definition
        mailboxes = surroundings.mailboxes
        published = surroundings.published
        pulseDue = published.timers == nil ? MonotonicClock.never : 0
        addressLimit = surroundings.addressLimit
        activity = surroundings.published.activity(of: index)
        sessionCount = surroundings.published.sessionCount(of: index)
        executor = WorkerExecutor(mailboxes: mailboxes, worker: index)
        core.pointee.executor = executor
        hooks = Hooks(definition)
        routes = definition.router.routes
        routeCount = definition.router.count
        parts = .allocate(capacity: WorkerCore.partLimit)
        let memoryLimit = definition.configuration.memoryLimit
        memoryShare = memoryLimit > 0 ? memoryLimit / surroundings.mailboxes.workerCount : Int.max
        state = definition.makeState(index)
        periodicDue = definition.periodic.map { now &+ $0.interval }
        #if DEBUG || GORI_FAULTS
            faults = WorkerFaults(worker: index, startedAt: now)
        #endif
        noteChores()
    }

    deinit {
        definition.destroyState(state)
        core.pointee.releaseBlocks()
        core.deinitialize(count: 1)
        core.deallocate()
        parts.deallocate()
    }

    // MARK: Life

    /// Makes the calling thread the worker's, and accepts on `listeners`.
    mutating func open(listeners: [Int32]) throws(PortError) {
        activity.pointee.adoptThread()
        try port.open()
        port.fetchesRows(at: core.pointee.sessions.records, stride: MemoryLayout<SessionRecord>.stride)
        for (number, descriptor) in listeners.enumerated() { port.accept(on: descriptor, listener: number) }
        acceptResume = Array(repeating: MonotonicClock.never, count: listeners.count)
        noteChores()
        openListeners = listeners.count
        self.listeners = listeners
    }

    /// Turns until the worker has drained.
    mutating func run() throws(PortError) {
        defer { activity.pointee.end() }
        while !isStopped { try step() }
    }

    /// One turn: submit and wait, completions, mail, timers, flush.
    @inline(__always)
    mutating func step() throws(PortError) {
        activity.pointee.end()
        #if DEBUG || GORI_FAULTS
            try faults.breakPortIfDue(now: core.pointee.now)
        #endif
        try port.wait(until: mayWaitUntil())
        beginTurn()
        var next = port.next()
        while let completion = next, completion.kind == .blocked {
            blocked(completion)
            next = port.next()
        }
        core.pointee.settle()
        // Mail before packets: what another worker did before it answered a client is known when that client speaks.
        activity.pointee.note(.mail)
        if mailboxes.hasLetters(of: index) { readLetters() }
        if !isAlone { readMessages() }
        activity.pointee.note(.completions)
        var handled = 0
        while let completion = next {
            complete(completion)
            handled &+= 1
            next = port.next()
            if next == nil { next = gather(after: handled) }
        }
        if core.pointee.now >= nextDue { expireTimers() }
        if core.pointee.now >= core.pointee.alarm { core.pointee.alarm = MonotonicClock.never }
        #if DEBUG || GORI_FAULTS
            faults.stallIfDue(now: core.pointee.now, activity)
        #endif
        if hooks.followsTurns {
            activity.pointee.note(.turnHook)
            hooks.turn(WorkerContext(core: core), state)
        }
        keepMemoryLimit()
        if !core.pointee.ending.isEmpty { carryOutEnds() }
        // Mail before output, which some ports send at once: who has been answered knows that the others are told.
        if !isAlone { postMail() }
        flush()
        publishGauges()
        if core.pointee.isDraining { checkDrained() }
    }

    @inline(__always)
    private mutating func beginTurn() {
        mailboxes.wakeUp(index)
        let now = port.now()
        core.pointee.now = now
        core.pointee.wheel.advance(to: now)
        core.pointee.turn &+= 1
        core.pointee.counts.pointee.turns &+= 1
        if now >= pulseDue { putOffWatchdog(now) }
        activity.pointee.begin(now, turn: core.pointee.turn)
    }

    @inline(never)
    private mutating func putOffWatchdog(_ now: UInt64) {
        guard let watchdog = published.timers else { return }
        activity.pointee.readProcessorTime(at: now)
        watchdog.timers.set(index, nanoseconds: watchdog.timing.patience)
        pulseDue = now &+ watchdog.timing.interval
    }

    /// When to wake at the latest; a time in the past when there is something to do already.
    @inline(__always)
    private mutating func mayWaitUntil() -> UInt64 {
        nextDue = 0
        guard mailboxes.prepareToSleep(index), core.pointee.deferred.isEmpty, core.pointee.ending.isEmpty,
            core.pointee.waiting.isEmpty
        else { return 0 }
        var deadline = min(core.pointee.wheel.nextDeadline, drainDeadline, core.pointee.alarm, choresDue)
        #if DEBUG || GORI_FAULTS
            deadline = min(deadline, faults.nextDue)
        #endif
        if core.pointee.outboxes.isBlocked { deadline = min(deadline, core.pointee.now &+ 1_000_000) }
        nextDue = deadline
        return deadline
    }

    /// Says when a periodic hook runs again.
    mutating func setPeriodic(_ number: Int, due: UInt64) {
        periodicDue[number] = due
        noteChores()
    }

    /// Says when a listener goes on.
    mutating func setAcceptResume(_ listener: Int, due: UInt64) {
        acceptResume[listener] = due
        noteChores()
    }

    private mutating func noteChores() {
        choresDue = min(periodicDue.min() ?? MonotonicClock.never, acceptResume.min() ?? MonotonicClock.never)
    }

    // MARK: Completions

    private mutating func complete(_ completion: Completion) {
        if completion.kind == .received { received(completion) } else { completeOther(completion) }
    }

    /// Apart, because nearly all completions are receives and pass through as little code as may be.
    @inline(never)
    private mutating func completeOther(_ completion: Completion) {
        switch completion.kind {
        case .accepted: accepted(completion.result)
        case .acceptPaused:
            acceptPaused(completion.key.slot, completion.result)
        case .acceptStopped: openListeners -= 1
        case .finished: peerFinished(completion.key)
        case .blocked: blocked(completion)
        case .drained: drained(completion.key)
        case .ended: broken(completion.key)
        case .closed: closed(completion.key)
        case .received, .operation: break
        }
    }

    @inline(__always)
    func record(_ key: CompletionKey) -> UnsafeMutablePointer<SessionRecord>? {
        core.pointee.sessions.find(slot: key.slot, generation: key.generation)
    }

    @inline(__always)
    func key(_ slot: Int) -> CompletionKey {
        CompletionKey(slot: slot, generation: core.pointee.sessions.records[slot].generation)
    }

    @inline(__always)
    private mutating func received(_ completion: Completion) {
        guard let record = record(completion.key) else { return }
        let bytes = port.bytes(of: completion.slice)
        core.pointee.counts.pointee.bytesReceived &+= UInt64(bytes.count)
        record.pointee.receivedAt = core.pointee.now
        guard record.pointee.phase == .open || record.pointee.phase == .greeting, !record.pointee.endRequested
        else { return }
        guard !record.pointee.slowPartRuns else { return hold(completion.key.slot, record, bytes) }
        activity.pointee.note(core.pointee.id(of: completion.key.slot))
        core.pointee.sliceStart = UInt(bitPattern: bytes.baseAddress)
        core.pointee.sliceEnd = core.pointee.sliceStart &+ UInt(bytes.count)
        deliver(completion.key.slot, record, bytes)
        core.pointee.sliceStart = 0
        core.pointee.sliceEnd = 0
        if record.pointee.backlog.byteCount > core.pointee.backlogHighWater {
            pause(completion.key.slot, record)
        }
        if core.pointee.isCongested { pauseForCongestion(completion.key.slot, record) }
    }

    /// What else there is by now, when the turn tells more sessions than it has heard: a packet that is handled before
    /// the flush costs a crowd no send, one that comes after it costs a send to each member. For a crowd that is worth
    /// a moment, until it has been heard. Where each is answered alone nothing is gained, and what its socket touched
    /// has left the cache when the answer goes out.
    @inline(__always)
    private mutating func gather(after handled: Int) -> Completion? {
        let hasPublished = core.pointee.groups.hasPublished
        if core.pointee.groups.hasHeardAll { return nil }
        guard hasPublished || core.pointee.dirty.count > handled else { return nil }
        guard port.gather(for: hasPublished ? core.pointee.groups.patience : 0) else { return nil }
        return port.next()
    }

    private mutating func blocked(_ completion: Completion) {
        guard let record = record(completion.key) else { return }
        let core = core
        var rest = Backlog()
        var begun = 0
        port.withUnsent(completion) { part, taken in
            let unsent = UnsafeRawBufferPointer(rebasing: part[taken...])
            if taken > 0 { begun = core.pointee.framing.boundary(in: part, from: taken) - taken }
            rest.append(unsent, pool: &core.pointee.pool)
            core.pointee.counts.pointee.bytesBacklogged &+= UInt64(unsent.count)
        }
        record.pointee.backlog.prepend(rest, begunBytes: begun)
        core.pointee.markDirty(completion.key.slot)
        core.pointee.checkBacklog(completion.key.slot)
        if record.pointee.backlog.byteCount > core.pointee.backlogHighWater {
            pause(completion.key.slot, record)
        }
    }

    private mutating func drained(_ key: CompletionKey) {
        guard let record = record(key) else { return }
        record.pointee.backlog.endSend(pool: &core.pointee.pool)
        core.pointee.markDirty(key.slot)
        let isLow = record.pointee.backlog.byteCount <= core.pointee.backlogHighWater / 4
        if isLow, record.pointee.isPaused, !record.pointee.slowPartRuns { resume(key.slot, record) }
    }

    /// The peer's end of stream: what was asked for is still answered, then the session ends.
    private mutating func peerFinished(_ key: CompletionKey) {
        guard let record = record(key) else { return }
        record.pointee.peerFinished = true
        core.pointee.requestEnd(key.slot, .disconnected)
    }

    /// The connection is dead: nothing can be sent any more.
    private mutating func broken(_ key: CompletionKey) {
        guard let record = record(key) else { return }
        if record.pointee.phase == .open || record.pointee.phase == .greeting {
            close(key.slot, record, .disconnected)
        }
        core.pointee.clearOutput(key.slot)
        record.pointee.phase = .finishing
        port.close(key, hard: false)
    }

    private mutating func closed(_ key: CompletionKey) {
        guard let record = record(key) else { return }
        if record.pointee.isCounted { addressLimit?.release(slot: key.slot, worker: index) }
        core.pointee.clearOutput(key.slot)
        record.pointee.backlog.releaseAll(pool: &core.pointee.pool)
        core.pointee.wheel.cancel(key.slot)
        core.pointee.sessions.giveBack(key.slot)
    }

    /// A session that publishes faster than another worker takes it is not read until that has caught up (rule M6).
    private mutating func pauseForCongestion(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>) {
        core.pointee.isCongested = false
        guard record.pointee.phase == .open, !record.pointee.isPaused else { return }
        pause(slot, record)
        core.pointee.congested.append(core.pointee.id(of: slot))
    }

    /// Reads again what was paused for congestion.
    mutating func resumeCongested() {
        for index in 0..<core.pointee.congested.count {
            let id = core.pointee.congested[index]
            guard let record = core.pointee.find(id), !record.pointee.slowPartRuns,
                record.pointee.backlog.byteCount <= core.pointee.backlogHighWater
            else { continue }
            resume(id.slot, record)
        }
        core.pointee.congested.removeAll()
    }

    mutating func pause(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>) {
        guard !record.pointee.isPaused else { return }
        record.pointee.isPaused = true
        port.pause(key(slot))
    }

    mutating func resume(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>) {
        guard record.pointee.isPaused else { return }
        record.pointee.isPaused = false
        port.receive(key(slot))
    }
}
