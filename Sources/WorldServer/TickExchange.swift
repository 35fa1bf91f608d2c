// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import Wire
internal import World

/// One worker's part in the ticks: lockstep by messages, never by waiting (rule M7).
///
/// For each tick a worker closes its commands (C) when the frame of the last tick has come and the clock says so; the
/// region's owner decides when it has C of every worker and applies when it has the effects (E) of every region; every
/// worker delivers when it has the frames (F) of every region. Meanwhile sessions are served: a missing message delays
/// the tick, not the loop.
struct TickExchange: ~Copyable {
    private let index: Int
    private let workers: Int
    private let interval: UInt64
    private let owner: RegionOwner?
    private let keeper: PlayerKeeper
    private var audience: Audience
    /// The commands of the tick that is open, and the batch of the tick before, which the region may still read.
    private var open: CommandBatch
    private var other: CommandBatch
    private var openTick: UInt64 = 1
    private var number: UInt32 = 0
    /// 0: the first tick is closed in the first turn.
    private var nextDue: UInt64 = 0
    /// C of the open tick has been sent; its frame has not come.
    private var isWaiting = false
    /// Sessions that logged out, ended when the tick that answers them has been delivered.
    private var leaving: [(session: UInt64, tick: UInt64)] = []
    private var delivered: UInt64 = 0
    private var deliveredTurn: UInt64 = 0
    private var settled: UInt64 = 0
    private(set) var counters = TickCounters()

    init(index: Int, workers: Int, world: WorldConfiguration, capacity: Int, keeper: PlayerKeeper) {
        self.index = index
        self.keeper = keeper
        self.workers = workers
        interval = UInt64(world.tickMilliseconds) * 1_000_000
        owner = index == 0 ? RegionOwner(world, workers: workers, capacity: capacity) : nil
        audience = Audience(worker: UInt8(index), configuration: world, capacity: capacity)
        open = CommandBatch(worker: index)
        other = CommandBatch(worker: index)
        leaving.reserveCapacity(1_024)
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
        open.enter(
            session: session, number: nextNumber(), request: request, object: object, character: character, name: name,
            at: tile)
    }

    mutating func move(_ session: UInt64, _ packet: Move) {
        open.move(session: session, number: nextNumber(), packet)
    }

    mutating func chat(_ session: UInt64, _ packet: Chat) {
        open.chat(session: session, number: nextNumber(), packet)
    }

    /// - Parameter request: of a logout, after whose answer the session ends.
    mutating func leave(_ session: UInt64, request: UInt32?) {
        keeper.leave(session, in: openTick)
        open.leave(session: session, number: nextNumber(), request: request)
        if request != nil { leaving.append((session, openTick)) }
    }

    // MARK: Ticks

    /// Closes the open tick when its time has come. Called in every turn.
    mutating func turn(_ context: WorkerContext) {
        if delivered > settled, context.turn > deliveredTurn { settled = delivered }
        guard !isWaiting else { return context.wake(at: .max) }
        guard context.now >= nextDue else { return context.wake(at: nextDue) }
        isWaiting = true
        open.close(tick: openTick, settledThrough: settled)
        let batch = open
        swap(&open, &other)
        open.removeAll()
        openTick += 1
        number = 0
        if owner == nil {
            context.post(tag: TickTag.commands, Unmanaged.passUnretained(batch).toOpaque(), to: 0)
        } else {
            receive(batch, context)
        }
    }

    /// Takes a message of another worker.
    mutating func receive(_ tag: UInt32, _ pointer: UnsafeMutableRawPointer, from peer: Int, _ context: WorkerContext) {
        switch tag {
        case TickTag.commands:
            receive(Unmanaged<CommandBatch>.fromOpaque(pointer).takeUnretainedValue(), context)
        case TickTag.frame:
            deliver(Unmanaged<FrameLetter>.fromOpaque(pointer).takeUnretainedValue(), context)
        default: break
        }
    }

    private mutating func receive(_ batch: CommandBatch, _ context: WorkerContext) {
        guard let owner, let letter = owner.receive(batch, now: context.now, due: nextDue, interval: interval) else {
            return
        }
        if owner.wasLate { counters.late += 1 }
        if let frame = letter.frame {
            counters.encodes += UInt64(frame.encodes)
            counters.privateViews += UInt64(frame.privateViews)
        }
        let pointer = Unmanaged.passUnretained(letter).toOpaque()
        for worker in 0..<workers where worker != index { context.post(tag: TickTag.frame, pointer, to: worker) }
        deliver(letter, context)
    }

    private mutating func deliver(_ letter: FrameLetter, _ context: WorkerContext) {
        guard let frame = letter.frame else { return }
        keeper.note(frame)
        audience.begin(frame)
        var deliveries = 0
        audience.deliver { session, own, shared in
            let id = SessionID(rawValue: session)
            for index in 0..<own.count { context.send(shared: own[index], to: id) }
            for index in 0..<shared.count { context.send(shared: shared[index], to: id) }
            deliveries += own.count + shared.count
        }
        counters.deliveries += UInt64(deliveries)
        counters.ticks += 1
        delivered = frame.tick
        deliveredTurn = context.turn
        keeper.delivered(frame.tick)
        endLeaving(through: frame.tick, context)
        nextDue = letter.nextDue
        isWaiting = false
        context.wake(at: nextDue)
    }

    private mutating func endLeaving(through tick: UInt64, _ context: WorkerContext) {
        guard !leaving.isEmpty else { return }
        for (session, leavingTick) in leaving where leavingTick <= tick {
            context.end(SessionID(rawValue: session), .leaving)
        }
        leaving.removeAll { $0.tick <= tick }
    }
}
