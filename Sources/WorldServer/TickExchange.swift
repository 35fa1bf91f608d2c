// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import Wire
internal import World

/// Binds a worker's part in the ticks (`TickWorker`) to the engine: packets of sessions become commands, the messages
/// of a tick go through mailboxes, and what a tick leaves becomes output of sessions.
struct TickExchange: ~Copyable {
    /// Ticks whose frames a worker may have in use, besides those that are held back, before it closes no further one.
    private static let mostUnsettled = FrameRing.limit / 4
    private let index: Int
    private var worker: TickWorker
    private let keeper: PlayerKeeper
    private var number: UInt32 = 0
    /// Sessions that logged out, ended when the tick that answers them has been delivered.
    private var leaving: [(session: UInt64, tick: UInt64)] = []
    /// Ticks that have been delivered and are not settled, and the turns in which they were.
    private var unsettled: [(tick: UInt64, turn: UInt64)] = []
    private var settled: UInt64 = 0
    private var slowReaders: SlowReaders
    private var counters = TickCounters()
    private let status: TickStatus
    private var record: TickRecorder?

    init(
        index: Int, map: RegionMap, world: WorldConfiguration, server: ServerConfiguration, keeper: PlayerKeeper,
        status: TickStatus, recorder: Recorder?
    ) {
        self.index = index
        self.keeper = keeper
        self.status = status
        record = recorder.map { TickRecorder($0, worker: index, hasRegion: index < map.count) }
        worker = TickWorker(
            index: index, workers: status.workerCount, map: map, configuration: world,
            capacity: server.maximumSessions)
        slowReaders = SlowReaders(highWater: server.backlogHighWater)
        leaving.reserveCapacity(1_024)
        unsettled.reserveCapacity(FrameRing.limit)
    }

    // MARK: Commands

    private mutating func nextNumber() -> UInt32 {
        number &+= 1
        return number
    }

    mutating func enter(
        _ session: UInt64, request: UInt32, object: UInt32, character: UInt64, name: Name, at tile: Tile?
    ) {
        keeper.enter(session, character: character)
        worker.open.enter(
            session: session, number: nextNumber(), request: request, object: object, character: character, name: name,
            at: tile)
    }

    mutating func move(_ session: UInt64, _ packet: Move) {
        worker.open.move(session: session, number: nextNumber(), packet)
    }

    mutating func chat(_ session: UInt64, _ packet: Chat) {
        worker.open.chat(session: session, number: nextNumber(), packet)
    }

    /// - Parameter request: of a logout, after whose answer the session ends.
    mutating func leave(_ session: UInt64, request: UInt32?) {
        keeper.leave(session, in: worker.openTick)
        worker.open.leave(session: session, number: nextNumber(), request: request)
        if request != nil { leaving.append((session, worker.openTick)) }
    }

    // MARK: Ticks

    /// Closes the open tick when its time has come. Called in every turn.
    mutating func turn(_ context: WorkerContext) {
        while let first = unsettled.first, context.settledTurn >= first.turn {
            settled = first.tick
            unsettled.removeFirst()
        }
        guard !worker.isWaiting else { return context.wake(at: .max) }
        // A worker that cannot send as fast as the world goes on has the world wait; its next turn may settle more.
        guard unsettled.count < Self.mostUnsettled else { return context.wake(at: context.now) }
        guard context.now >= worker.nextDue else { return context.wake(at: worker.nextDue) }
        lookAtSlowReaders(context)
        record?.close(worker.open, tick: worker.openTick)
        worker.close(settledThrough: settled) { $0.post(context, to: $1) }
        number = 0
        advance(context)
    }

    /// Takes a message of another worker.
    mutating func receive(_ tag: UInt32, _ pointer: UnsafeMutableRawPointer, from peer: Int, _ context: WorkerContext) {
        guard let message = TickMessage(tag: tag, pointer) else { return }
        worker.receive(message, from: peer)
        advance(context)
    }

    private mutating func advance(_ context: WorkerContext) {
        guard worker.advance(now: context.now, { $0.post(context, to: $1) }) else { return }
        worker.forEachFrame { keeper.note($0) }
        var output = OutputCount()
        var slow: [(session: UInt64, waiting: Int)] = []
        let tick = worker.openTick - 1
        record?.begin(tick: tick)
        let frame = worker.deliver { session, own, shared in
            record?.add(session, own, shared)
            let id = SessionID(rawValue: session)
            guard let before = context.backlog(of: id) else { return }
            for index in 0..<own.count { context.send(shared: own[index], to: id, isUrgent: true) }
            for index in 0..<shared.count { context.send(shared: shared[index], to: id) }
            output.add(own)
            output.add(shared)
            output.outputs += 1
            let waiting = context.backlog(of: id) ?? before
            output.copiedBytes += waiting - before
            if waiting > slowReaders.highWater { slow.append((session, waiting)) }
        }
        if let isRecorded = record?.end(tick: tick, &worker), !isRecorded { counters.unrecorded += 1 }
        for reader in slow { hush(reader.session, waiting: reader.waiting, context) }
        count(frame, output)
        unsettled.append((tick, context.turn))
        keeper.delivered(tick)
        endLeaving(through: tick, context)
        context.wake(at: worker.nextDue)
    }

    // MARK: Slow readers

    /// What waits for a client is old by the time it reads it: nothing is added but answers.
    private mutating func hush(_ session: UInt64, waiting: Int, _ context: WorkerContext) {
        guard slowReaders.add(session, waiting: waiting, now: context.now) else { return }
        counters.hushes += 1
        worker.open.setHushed(true, session: session, number: nextNumber())
    }

    private mutating func lookAtSlowReaders(_ context: WorkerContext) {
        guard slowReaders.count > 0 else { return }
        var refreshes: [UInt64] = []
        slowReaders.look(
            now: context.now, waiting: { context.backlog(of: SessionID(rawValue: $0)) },
            act: { session, verdict in
                switch verdict {
                case .refresh: refreshes.append(session)
                case .end: context.end(SessionID(rawValue: session), .slowReader)
                }
            })
        for session in refreshes {
            counters.refreshes += 1
            worker.open.setHushed(false, session: session, number: nextNumber())
        }
        counters.untold += UInt64(slowReaders.hushedCount)
    }

    private mutating func count(_ frame: Frame?, _ output: OutputCount) {
        counters.ticks += 1
        counters.deliveries += UInt64(output.pieces)
        counters.outputs += UInt64(output.outputs)
        counters.outputBytes += UInt64(output.bytes)
        counters.copiedBytes += UInt64(output.copiedBytes)
        if worker.lateWorker == index { counters.late += 1 }
        defer { status.store(counters, of: index) }
        guard let frame else { return }
        counters.encodes += UInt64(frame.encodes)
        counters.privateViews += UInt64(frame.privateViews)
        counters.monsterSteps += UInt64(frame.monsterSteps)
        counters.crossings += UInt64(frame.crossings.count)
    }

    private mutating func endLeaving(through tick: UInt64, _ context: WorkerContext) {
        guard !leaving.isEmpty else { return }
        for (session, leavingTick) in leaving where leavingTick <= tick {
            context.end(SessionID(rawValue: session), .leaving)
        }
        leaving.removeAll { $0.tick <= tick }
    }
}

/// What the sessions of a worker get in one tick.
private struct OutputCount {
    var outputs = 0
    var pieces = 0
    var bytes = 0
    var copiedBytes = 0

    mutating func add(_ list: Span<UnsafeRawBufferPointer>) {
        pieces += list.count
        for index in list.indices { bytes += list[index].count }
    }
}
