// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// The completion port over epoll: readiness made into completions, for kernels and containers without io_uring.
///
/// The kernel tells once that a stream is ready; the port then reads until a read comes back short, and sends at once
/// when it is told to. So nothing is ever in flight, and closing is a plain call. This file holds the state and the
/// turn (`wait`, `next`); what each kind of operation does lies in the extensions beside it.
///
/// Receive memory is filled front to back in every turn and is empty again in the next, so that few streams stay within
/// the processor's cache.
public struct EpollPort: CompletionPort, ~Copyable {
    var set: EpollSet
    let memory: UnsafeMutableRawPointer
    let scratch: UnsafeMutableRawPointer
    let streams: UnsafeMutablePointer<EpollStream>
    let capacity: Int
    /// What it does otherwise than by default.
    public let techniques: PortTechniques
    var listeners: [EpollListener] = []
    var operations = OperationTable()
    var watched: [Int32: WatchedDescriptor] = [:]
    /// Counted since the port was made.
    public let counterMemory = PortCounterMemory()
    let counts: UnsafeMutablePointer<PortCounts>
    /// Wakes this port from any thread.
    public let doorbell: Doorbell
    private let doorbellDescriptor: Int32

    private var clock = TurnClock()
    var turn: UInt64 = 1
    /// Bytes of the receive memory that this turn has filled.
    var filled = 0
    /// Bytes of it that the last turn had filled and nobody may read any more once its sends are settled.
    private var outdated = 0
    private var eventHead = 0
    private var eventCount = 0
    /// Connections taken from the event's listener in this turn.
    var acceptCount = 0
    /// Completions made outside the kernel's events, delivered before those.
    var pending = PendingCompletions()
    /// Sends of this turn that were not taken whole; delivered first in the next.
    var blocked = Column<Completion>()
    /// Streams that a send of this turn found dead; behind the blocked ones.
    var endings = Column<Completion>()
    /// The gather lists of blocked sends: those being delivered, and those of this turn.
    var unsent: [IOVector] = []
    var nextUnsent: [IOVector] = []
    /// Streams to read in this turn without an event.
    var reading: [CompletionKey] = []
    private var readingHead = 0
    /// Streams that found no memory in this turn: the first to read in the next.
    var starved: [CompletionKey] = []
    /// Streams that had more to read than their share: behind those.
    var greedy: [CompletionKey] = []
    /// Tracked sends that the kernel had no memory for.
    var retrying: [CompletionKey] = []

    /// Receive memory of a turn.
    static let memorySize = 4 << 20
    /// What one stream may fill of it.
    static let share = 65_536
    /// A read into less than this would cut what could come whole in the next turn.
    static let leastRoom = 4_096
    /// How soon a send is tried again for which there was no memory, in nanoseconds.
    private static let retryInterval: UInt64 = 5_000_000

    /// Makes a port.
    ///
    /// - Parameters:
    ///   - capacity: the streams it can hold.
    ///   - techniques: other ways than the default, of `PortTechniques.epoll`.
    /// - Throws: `PortError` when the kernel refuses descriptors or memory.
    public init(capacity: Int, techniques: PortTechniques = []) throws(PortError) {
        try self.init(capacity: capacity, techniques: techniques, kernel: nil)
    }

    /// Makes a port on a kernel that is not this machine's, for simulation.
    @_spi(Measuring)
    public init(capacity: Int, techniques: PortTechniques = [], kernel: ForeignKernel?) throws(PortError) {
        precondition(capacity > 0 && capacity <= CompletionKey.slotLimit)
        precondition(PortTechniques.epoll.isSuperset(of: techniques), "no techniques of epoll: \(techniques)")
        let set = try EpollSet(kernel: kernel, records: techniques.isEmpty)
        let bell = kernel?.makeEvent() ?? eventfd(0, Int32(EFD_CLOEXEC))
        guard bell >= 0 else { throw PortError(call: "eventfd", code: errno) }
        let refused = set.add(bell, EpollSet.doorbell, data: EpollSource.doorbell)
        let streams = calloc(capacity, MemoryLayout<EpollStream>.stride)
        let memory = mmap(
            nil, Self.memorySize + Self.share, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard refused == 0, let streams, let memory, memory != MAP_FAILED else {
            SystemCalls.close(bell)
            free(streams)
            throw PortError(call: "set-up of \(capacity) streams", code: refused == 0 ? ENOMEM : refused)
        }
        self.set = set
        counts = counterMemory.counts
        self.memory = memory
        cl_hide(memory, Self.memorySize)
        scratch = memory + Self.memorySize
        self.streams = streams.bindMemory(to: EpollStream.self, capacity: capacity)
        self.capacity = capacity
        self.techniques = techniques
        doorbellDescriptor = bell
        doorbell = Doorbell(mechanism: .event(bell))
        reading.reserveCapacity(256)
        starved.reserveCapacity(256)
        greedy.reserveCapacity(256)
    }

    deinit {
        for slot in 0..<capacity where [.open, .finishing].contains(streams[slot].phase) {
            SystemCalls.close(streams[slot].descriptor)
        }
        for listener in listeners where listener.descriptor >= 0 { SystemCalls.close(listener.descriptor) }
        for (descriptor, watch) in watched { watch.restore(descriptor) }
        free(streams)
        cl_show(memory, Self.memorySize + Self.share)
        IOMemory.unmap(memory, byteCount: Self.memorySize + Self.share)
        SystemCalls.close(doorbellDescriptor)
    }

    /// Makes the calling thread the owner.
    public mutating func open() throws(PortError) { SystemCalls.noteOwner(techniques) }

    // MARK: Turn

    /// Waits for an event, a doorbell or the deadline.
    public mutating func wait(until deadline: UInt64) throws(PortError) {
        SystemCalls.noteOwner(techniques)
        turn &+= 1
        outdated = max(outdated, filled)
        filled = 0
        acceptCount = 0
        while eventHead < eventCount { putBy() }
        beginReading()
        if !retrying.isEmpty { retrySends() }
        putBlockedFirst()
        counts.pointee.systemCalls &+= 1
        let count = set.wait(nanoseconds: timeout(until: deadline))
        guard count >= 0 || count == -EINTR else { throw PortError(call: "epoll_wait", code: -count) }
        eventHead = 0
        eventCount = Int(max(count, 0))
    }

    /// The next completion of this turn.
    public mutating func next() -> Completion? {
        while true {
            if !pending.isEmpty { return nextPending() }
            hideSlices()
            if readingHead < reading.count {
                let key = reading[readingHead]
                readingHead &+= 1
                if let completion = readQueued(key) { return completion }
                continue
            }
            guard eventHead < eventCount else { return nil }
            if let completion = nextOfEvent() { return completion }
        }
    }

    /// The bytes of a slice of this turn.
    @inline(__always)
    public mutating func bytes(of slice: ReceiveSlice) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory + Int(slice.offset), count: Int(slice.count))
    }

    private mutating func nextPending() -> Completion? {
        guard let completion = pending.popFirst() else { return nil }
        if completion.kind != .blocked { hideSlices() }
        if completion.kind == .closed, let stream = find(completion.key) { stream.pointee.phase = .free }
        return completion
    }

    /// The slices of the last turn: in a build with AddressSanitizer nobody can read them any more.
    @inline(__always)
    private mutating func hideSlices() {
        guard outdated > 0 else { return }
        cl_hide(memory, outdated)
        outdated = 0
    }

    /// What an event's source has to say; the event is done with when that is nothing.
    @inline(__always)
    private mutating func nextOfEvent() -> Completion? {
        let data = set.data(eventHead)
        switch data & 0xFF {
        case EpollSource.stream:
            let flags = set.flags(eventHead)
            eventHead &+= 1
            return ready(CompletionKey(userData: data), flags)
        case EpollSource.listener:
            if let completion = acceptNext(CompletionKey(userData: data)) { return completion }
            acceptCount = 0
        case EpollSource.operations: advanceOperations(Int32(truncatingIfNeeded: data >> 8))
        default: break
        }
        eventHead &+= 1
        return nil
    }

    /// An edge is told once, so an event that nobody has asked for is remembered. Listeners are told of again.
    private mutating func putBy() {
        let data = set.data(eventHead)
        switch data & 0xFF {
        case EpollSource.stream: noteEvent(CompletionKey(userData: data), set.flags(eventHead))
        case EpollSource.operations: advanceOperations(Int32(truncatingIfNeeded: data >> 8))
        default: break
        }
        eventHead &+= 1
    }

    /// Streams without memory first, greedy ones behind them: so nobody is read twice before somebody is read once.
    private mutating func beginReading() {
        // What is left of the last turn was not asked for; it has waited longest.
        if readingHead < reading.count { starved.insert(contentsOf: reading[readingHead...], at: 0) }
        reading.removeAll(keepingCapacity: true)
        readingHead = 0
        guard !starved.isEmpty || !greedy.isEmpty else { return }
        swap(&reading, &starved)
        reading.append(contentsOf: greedy)
        greedy.removeAll(keepingCapacity: true)
    }

    private mutating func putBlockedFirst() {
        swap(&unsent, &nextUnsent)
        nextUnsent.removeAll(keepingCapacity: true)
        guard !blocked.isEmpty || !endings.isEmpty else { return }
        // Who has closed a stream since wants to hear nothing of its sends.
        blocked.append(contentsOf: endings)
        endings.removeAll()
        var kept = 0
        for index in 0..<blocked.count where find(blocked[index].key)?.pointee.phase == .open {
            blocked[kept] = blocked[index]
            kept &+= 1
        }
        blocked.removeLast(blocked.count &- kept)
        pending.putFirst(blocked)
        blocked.removeAll()
    }

    /// How long to wait; nil: without end.
    private mutating func timeout(until deadline: UInt64) -> UInt64? {
        guard pending.isEmpty, reading.isEmpty, deadline > 0 else { return 0 }
        guard deadline != MonotonicClock.never || !retrying.isEmpty else { return nil }
        let now = now()
        let rest = deadline > now ? deadline &- now : 0
        return retrying.isEmpty ? rest : min(rest, Self.retryInterval)
    }

    /// The kernel's time.
    public mutating func now() -> UInt64 { set.isForeign ? set.foreignNow() : clock.now() }

    /// The stream of a key, nil when its slot has been given to another since.
    @inline(__always)
    func find(_ key: CompletionKey) -> UnsafeMutablePointer<EpollStream>? {
        guard key.slot < capacity else { return nil }
        let stream = streams + key.slot
        guard stream.pointee.generation == key.generation, stream.pointee.phase != .free else { return nil }
        return stream
    }
}
