// SPDX-License-Identifier: Apache-2.0

/// One worker's part in the ticks: lockstep by messages, never by waiting (rule M7).
///
/// For each tick a worker closes its commands (C) when the frames of the last tick have come and the clock says so; a
/// region's owner decides when it has C of every worker and applies when it has the effects (E) of every region; every
/// worker delivers when it has the frames (F) of every region. Meanwhile it does what it likes: a missing message
/// delays the tick, not the worker. Because C is closed after F, a worker knows which region owns each of its players:
/// a command goes to exactly one region and is never forwarded.
///
/// No clock, no socket and no thread: whoever has it says what time it is, carries its messages in any order but that
/// of each pair of workers, and calls
///
/// ```swift
/// worker.close(settledThrough: tick, post)      // when `nextDue` has come and nothing is awaited
/// worker.receive(message, from: peer)           // whenever one comes
/// if worker.advance(now: now, post) { worker.deliver { session, privates, blocks in … } }   // after either
/// ```
public struct TickWorker: ~Copyable {
    /// Carries a message to another worker.
    public typealias Post = (TickMessage, Int) -> Void

    /// Which worker this is; it owns the region of the same number, if there is one.
    public let index: Int
    /// Who owns what.
    public let map: RegionMap
    /// The commands of the tick that is open. Those of a session are appended in the order of their numbers.
    public let open: CommandBatch
    /// The tick that is open.
    public private(set) var openTick: UInt64 = 1
    /// When it is to be closed, in nanoseconds of the clock that `advance` is told; 0: at once.
    public private(set) var nextDue: UInt64 = 0
    /// C has been sent and not all frames have come: the open tick cannot be closed yet.
    public private(set) var isWaiting = false
    /// Whom the last tick waited for when it came late, as all workers see it; nil when it did not.
    public private(set) var lateWorker: Int?

    private let workers: Int
    private let interval: UInt64
    private var owner: RegionOwner?
    private var audience: Audience
    /// What `open` is sorted into, a batch for each region.
    private let outgoing: [CommandBatch]
    /// By region; those of the tick that is awaited.
    private var letters: [FrameLetter?]
    private var frames: [Frame] = []

    /// Makes a worker of a world in which nothing has happened.
    ///
    /// - Parameters:
    ///   - index: 0 up to `workers - 1`.
    ///   - workers: how many there are, 1 to 256, and at least one for each region.
    ///   - capacity: sessions and players for which memory is taken at once; more are served by growing.
    public init(
        index: Int, workers: Int, map: RegionMap, configuration: WorldConfiguration, capacity: Int = 16_384
    ) {
        precondition((1...256).contains(workers) && (0..<workers).contains(index), "there is no such worker")
        precondition(map.count <= workers, "every region has a worker of its own")
        self.index = index
        self.workers = workers
        self.map = map
        interval = UInt64(configuration.tickMilliseconds) * 1_000_000
        audience = Audience(
            worker: UInt8(index), configuration: configuration, map: map, capacity: capacity)
        open = CommandBatch(worker: index)
        outgoing = (0..<map.count).map { _ in CommandBatch(worker: index) }
        letters = Array(repeating: nil, count: map.count)
        frames.reserveCapacity(map.count)
        guard index < map.count else { return }
        owner = RegionOwner(
            Region(
                configuration: configuration, map: map, index: index, workers: workers, capacity: capacity),
            workers: workers)
    }

    /// Closes the open tick and opens the next.
    ///
    /// - Parameter settledThrough: the last tick whose deliveries have been sent, or copied. The frames of ticks from
    ///   which something may be held back still are not given up.
    /// - Precondition: nothing is awaited.
    public mutating func close(settledThrough: UInt64, _ post: Post) {
        precondition(!isWaiting, "a tick is closed after the frames of the last one")
        isWaiting = true
        for batch in outgoing { batch.removeAll() }
        for command in open.commands {
            // Who is not in the world may be decided anywhere: nothing of his is in any region.
            let region = audience.home(of: command.session) ?? index % map.count
            outgoing[region].append(command, of: open)
        }
        open.removeAll()
        for (region, batch) in outgoing.enumerated() {
            let held = min(settledThrough, Audience.longestWait - 1)
            batch.close(tick: openTick, settledThrough: settledThrough - held)
            send(.commands(batch), to: region, post)
        }
        openTick += 1
    }

    /// Takes a message of another worker.
    public mutating func receive(_ message: TickMessage, from peer: Int) {
        switch message {
        case .commands(let batch): owner?.receive(batch)
        case .effects(let batch): owner?.receive(batch, from: peer)
        case .frame(let letter):
            guard let frame = letter.frame else { return }
            letters[frame.region] = letter
        }
    }

    /// Does what the messages so far allow.
    ///
    /// - Parameter now: nanoseconds of the clock that all workers share.
    /// - Returns: whether the tick is complete: then `deliver` is next.
    public mutating func advance(now: UInt64, _ post: Post) -> Bool {
        let isLate = nextDue > 0 && now > nextDue + interval / 2
        if let effects = owner?.decide(isLate: isLate) {
            for (region, batch) in effects.enumerated() { send(.effects(batch), to: region, post) }
        }
        if let letter = owner?.apply(now: now, due: nextDue, interval: interval) {
            for worker in 0..<workers { send(.frame(letter), to: worker, post) }
        }
        for letter in letters where letter == nil { return false }
        return true
    }

    private mutating func send(_ message: TickMessage, to worker: Int, _ post: Post) {
        if worker == index { receive(message, from: index) } else { post(message, worker) }
    }

    /// Calls `body` with the frame of every region, by region.
    ///
    /// - Precondition: `advance` has said that the tick is complete, and it has not been delivered.
    public func forEachFrame(_ body: (Frame) -> Void) {
        for letter in letters {
            guard let frame = letter?.frame else { preconditionFailure("looked at before it was complete") }
            body(frame)
        }
    }

    /// Ends a tick: says what each session of this worker gets, as `Audience.deliver`, and takes over what crossed into
    /// its region.
    ///
    /// - Returns: the tick's frame of this worker's own region, if it has one.
    /// - Precondition: `advance` has said that the tick is complete.
    @discardableResult
    public mutating func deliver(
        _ sink: (UInt64, Span<UnsafeRawBufferPointer>, Span<UnsafeRawBufferPointer>) -> Void
    ) -> Frame? {
        var latest: UInt64 = 0
        lateWorker = nil
        for region in 0..<letters.count {
            guard let letter = letters[region], let frame = letter.frame else {
                preconditionFailure("delivered before it was complete")
            }
            frames.append(frame)
            audience.begin(frame)
            latest = max(latest, letter.nextDue)
            lateWorker = lateWorker ?? letter.lateWorker
            letters[region] = nil
        }
        audience.deliver(sink)
        let own = index < frames.count ? frames[index] : nil
        owner?.absorb(frames)
        frames.removeAll(keepingCapacity: true)
        nextDue = latest
        isWaiting = false
        return own
    }

    // MARK: State

    /// Objects that this worker's region owns.
    public var population: Int {
        switch owner {
        case .some(let owner): owner.region.population
        case .none: 0
        }
    }

    /// The entity that a session plays, if this worker's region owns it.
    public func entity(session: UInt64) -> Entity? {
        switch owner {
        case .some(let owner): owner.region.entity(session: session)
        case .none: nil
        }
    }

    /// As `Region.forEachEntity(_:)`, of this worker's region; nothing if it has none.
    public func forEachEntity(_ body: (Entity) -> Void) {
        switch owner {
        case .some(let owner): owner.region.forEachEntity(body)
        case .none: break
        }
    }

    /// As `Region.stateHash(of:)`; nil when the sector is not this worker's region's.
    public func stateHash(of sector: Sector) -> UInt64? {
        switch owner {
        case .some(let owner): owner.region.owns(sector) ? owner.region.stateHash(of: sector) : nil
        case .none: nil
        }
    }

    /// As `Region.forEachObject(within:x:y:_:)`, of this worker's region.
    public func forEachObject(within reach: Int, x: UInt16, y: UInt16, _ body: (Entity) -> Void) {
        switch owner {
        case .some(let owner): owner.region.forEachObject(within: reach, x: x, y: y, body)
        case .none: preconditionFailure("a look-up of a worker without a region")
        }
    }

    /// The region that owns a session's player; nil when it is not in the world, or another worker's.
    public func home(of session: UInt64) -> Int? { audience.home(of: session) }

    /// As `Region.forEachChangedSector`, of this worker's region; nothing if it has none.
    public mutating func forEachChangedSector(_ body: (Sector, UInt64) -> Void) {
        owner?.forEachChangedSector(body)
    }
}
