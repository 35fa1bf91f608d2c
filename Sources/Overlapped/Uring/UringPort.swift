// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// The completion port over io_uring: one ring, one thread.
///
/// This file holds the state and the turn (`wait`, `next`); what each kind of operation does lies in the extensions
/// beside it. The order of a turn is what makes silent sends safe: submit everything, read the whole queue, failures
/// of sends first, and only then give memory back.
///
/// Invariants: `head ..< tail` is what of the completion queue has not been looked at; a buffer used up in one turn
/// goes back to the kernel in the next `wait`, after the sends that may name it are settled.
public struct UringPort: CompletionPort, ~Copyable {
    // In this order, because the ring must be gone before the memory that it writes to; and what every turn looks at
    // lies together.
    var ring: UringRing
    var buffers: BufferRing
    let streams: UnsafeMutablePointer<StreamState>
    let capacity: Int
    let counts: UnsafeMutablePointer<PortCounts>
    var head: UInt32 = 0
    var tail: UInt32 = 0
    var turn: UInt64 = 1
    /// Silent sends of the turn; where a thread of the kernel submits, sends that have not said yet how they ended.
    var silentSendsQueued = 0
    var deadline: UInt64 = 0
    /// Whether sends are submissions, or else system calls.
    let queuesSends: Bool
    /// Whether every send is one submission that copies.
    let sendsPlainly: Bool
    let sendFlags: UInt8
    let enterFlags: UInt32
    /// Whether a wait is for one completion, and in one system call that also submits.
    let waitsPlainly: Bool
    /// Whether the kernel fills receive buffers only while this port waits. Else what a send did not take could be
    /// overwritten before it has been told.
    private let worksInWaitOnly: Bool
    private var arenaInUse = false
    var mayDrain = false
    /// What this port uses of the newer kernels.
    public let features: UringFeatures
    /// What it does otherwise than by default.
    public let techniques: PortTechniques
    private var clock = TurnClock()
    // Empty as a rule, and looked at in every turn.
    /// Sends that were not taken whole; delivered before everything else.
    var failed = Column<Completion>()
    /// Streams that a send found dead; delivered after every `blocked` of the batch.
    var endings = Column<Completion>()
    /// Streams of whose sends not all parts are submitted yet (`PortTechniques.sendPerPacket`).
    var separate = Column<CompletionKey>()
    /// Slots whose receive found no buffer, in order.
    var parked = Column<CompletionKey>(capacity: 1_024)
    /// Completions made by the port itself, delivered before those of the kernel.
    var pending = PendingCompletions()
    /// Completions moved out of an overflowing queue.
    var spilled = Column<KernelCompletion>()
    var spilledHead = 0
    /// What was kept of paused streams and is being delivered.
    var lent = Column<UnsafeMutableRawBufferPointer>()
    var lentDelivered = 0
    /// What is left of a completion for several buffers.
    var bundle = ReceiveBundle()
    var arena = PartArena()
    /// How often `gather` has looked for more in this turn, and whether there was some.
    var drainRounds = 0
    var drainEnd: UInt64 = 0
    /// A drain takes at most this many rounds before the turn's sends go out (rule M2).
    let drainRoundLimit: Int
    /// How many completions the next wait is for, as far as they come soon; 0: for one.
    var batchSize: UInt32 = 0
    /// Rows of the caller's beside the streams, nil: none.
    var rows: UnsafeRawPointer?
    var rowStride = 0
    var zeroCopy: ZeroCopySends

    var listeners: [ListenerState] = []
    var operations = OperationTable()
    /// Whether the sockets of streams lie in the ring's own table and cost the process no descriptor.
    public let hasDirectDescriptors: Bool
    /// Streams below this slot lie in the ring's table beside their descriptor.
    let tablePlaces: Int
    /// Streams that are not free.
    var streamCount = 0
    /// Where a multishot receive ends and queues up behind the others (rule M4).
    var receiveLimit: UInt32 = 0
    /// The same for a modest stream, if more.
    let modestLimit: UInt32
    /// Counted since the port was made.
    public let counterMemory = PortCounterMemory()
    /// Wakes this port from any thread.
    public let doorbell: Doorbell
    let doorbellDescriptor: Int32
    let doorbellCount: DoorbellCount

    /// Makes a port; its memory is allocated here and the ring is still disabled.
    ///
    /// - Parameters:
    ///   - capacity: the streams it can hold.
    ///   - features: what to use, as found by `UringPreflight.run`.
    ///   - directDescriptors: whether `associate` moves sockets into the ring's own table. What needs their descriptor
    ///     (getpeername(2), setsockopt(2)) is done before.
    ///   - techniques: other ways than the default, of `PortTechniques.uring`.
    ///   - sizes: of the rings and of receive memory.
    /// - Throws: `PortError` when the kernel refuses the ring, its buffers or its table: EMFILE when direct descriptors
    ///   are wanted for more streams than the process may open files, EOPNOTSUPP without the features that they need.
    public init(
        capacity: Int, features: UringFeatures, directDescriptors: Bool = false, techniques: PortTechniques = [],
        sizes: UringSizes = UringSizes()
    ) throws(PortError) {
        try self.init(
            capacity: capacity, features: features, directDescriptors: directDescriptors, techniques: techniques,
            sizes: sizes, kernel: nil)
    }

    /// Makes a port on a kernel that is not this machine's, for simulation; the rest is as above.
    @_spi(Measuring)
    public init(
        capacity: Int, features: UringFeatures, directDescriptors: Bool, techniques: PortTechniques = [],
        sizes: UringSizes, kernel: ForeignKernel?
    ) throws(PortError) {
        precondition(capacity > 0 && capacity <= CompletionKey.slotLimit)
        precondition(PortTechniques.uring.isSuperset(of: techniques), "no techniques of io_uring: \(techniques)")
        // Before the ring is made: that of a trial counts as locked memory too.
        if techniques.contains(.zeroCopySend) { try Self.requireZeroCopy(features, techniques) }
        let bundles = techniques.contains(.receiveBundles)
        if bundles { try Self.requireBundles() }
        var ring = try UringRing(
            sqEntries: sizes.submissions, cqEntries: max(sizes.submissions, sizes.completions),
            techniques: techniques, kernel: kernel)
        if techniques.isEmpty { ring.recordIfWanted() }
        let features = bundles ? features.subtracting(.incrementalBuffers) : features
        let buffers = try BufferRing(
            incremental: features.contains(.incrementalBuffers), bundles: bundles, count: sizes.buffers,
            size: sizes.bufferSize, ring: ring)
        if directDescriptors, ring.isPolled {
            throw PortError(call: "io_uring direct descriptors with submission-polling", code: EOPNOTSUPP)
        }
        if directDescriptors { try Self.registerTable(of: capacity, ring: ring, features: features) }
        let places =
            directDescriptors ? 0 : Self.makeTable(capacity: capacity, ring: ring, features: features)
        var descriptor: Int32 = -1
        if !features.contains(.messageRing) {
            descriptor = kernel?.makeEvent() ?? eventfd(0, Int32(EFD_CLOEXEC))
            guard descriptor >= 0 else { throw PortError(call: "eventfd", code: errno) }
        }
        guard let streams = SlotMemory.map(StreamState.self, capacity: capacity) else {
            throw PortError(call: "allocation of \(capacity) streams", code: ENOMEM)
        }
        self.streams = streams
        doorbellCount = DoorbellCount()
        counts = counterMemory.counts
        doorbellDescriptor = descriptor
        doorbell = Doorbell(mechanism: descriptor < 0 ? .ring(ring.descriptor) : .event(descriptor))
        modestLimit = BufferRing.modestShare(memory: buffers.bufferCount &* buffers.bufferSize)
        self.buffers = buffers
        self.capacity = capacity
        tablePlaces = places
        // Silent sends lose their lifetime where another thread submits (rule M1): sends say that they are done.
        let unusable: UringFeatures = [.silentSend, .directDescriptors, .registeredFiles]
        self.features = ring.isPolled ? features.subtracting(unusable) : features
        queuesSends = ring.isPolled || features.contains(.silentSend)
        sendsPlainly = queuesSends && techniques.isDisjoint(with: [.zeroCopySend, .sendPerPacket])
        sendFlags = ring.isPolled ? 0 : UInt8(CL_SQE_CQE_SKIP_SUCCESS)
        self.techniques = techniques
        enterFlags = UInt32(CL_ENTER_GETEVENTS) | (features.contains(.noIOWait) ? UInt32(CL_ENTER_NO_IOWAIT) : 0)
        waitsPlainly = !ring.isPolled && !techniques.contains(.fixedWait)
        zeroCopy = ZeroCopySends(isOn: techniques.contains(.zeroCopySend), threshold: sizes.zeroCopyThreshold)
        self.ring = ring
        worksInWaitOnly = techniques.isDisjoint(with: [.eagerTaskRun, .submissionPolling])
        drainRoundLimit = techniques.contains(.fixedWait) ? 0 : 16
        hasDirectDescriptors = directDescriptors
        countStreams(by: 0)
    }

    deinit {
        ring.finishPolling()
        noteClosed()
        for slot in 0..<capacity where streams[slot].phase != .free {
            Self.freeHeld(streams[slot].held)
            // The ring's table goes with the ring.
            if streams[slot].isDirect { continue }
            // A close that the kernel has taken is done: the number may be somebody else's already.
            if streams[slot].phase != .closeQueued || ring.queued > 0 {
                // The kernel takes a ring apart at its leisure, and an armed receive keeps the socket until then: its
                // peer would wait for the end for seconds.
                SystemCalls.shutdown(streams[slot].descriptor, SHUT_RDWR)
                SystemCalls.close(streams[slot].descriptor)
            }
        }
        for buffer in lent.view { Self.freeHeld(buffer) }
        for listener in listeners where listener.descriptor >= 0 {
            // Likewise an armed accept: newcomers would be accepted by nobody.
            SystemCalls.shutdown(listener.descriptor, SHUT_RDWR)
            SystemCalls.close(listener.descriptor)
        }
        SlotMemory.unmap(streams, capacity: capacity)
        if doorbellDescriptor >= 0 { SystemCalls.close(doorbellDescriptor) }
    }

    /// Makes the calling thread the owner.
    public mutating func open() throws(PortError) {
        SystemCalls.noteOwner(techniques)
        try ring.enable()
        armDoorbell()
    }

    #if DEBUG || GORI_FAULTS
        /// Has every so many submissions refused, or taken in part (`SubmitFaults`).
        package mutating func refuseSubmits(every count: UInt32) { ring.faults.every = count }
    #endif

    // MARK: Turn

    /// Submits everything queued and waits for a completion, a doorbell or the deadline.
    public mutating func wait(until deadline: UInt64) throws(PortError) {
        SystemCalls.noteOwner(techniques)
        self.deadline = deadline
        drainRounds = 0
        mayDrain = false
        ring.releaseCompletions(upTo: head)
        arenaInUse = true
        if !separate.isEmpty { sendSeparately() }
        // With buffers held back nothing might ever complete: settle first, sleep in the next turn.
        let mayBlock =
            deadline > 0 && pending.isEmpty && failed.isEmpty && endings.isEmpty
            && spilledHead == spilled.count && bundle.rest == 0 && parked.isEmpty
            && buffers.freeCount &* 4 >= buffers.bufferCount
        try mayBlock ? submitAndWait() : submitAll(wait: 0, until: 0)
        batchSize = 0
        try settle()
        turn &+= 1
        if worksInWaitOnly { buffers.recycle() }
        if !parked.isEmpty { rearmParked() }
    }

    /// The next completion of this turn.
    public mutating func next() -> Completion? {
        while true {
            if !pending.isEmpty { return nextPending() }
            if arenaInUse { resetArena() }
            if bundle.rest > 0 {
                if let completion = nextPiece() { return completion }
                continue
            }
            if spilledHead < spilled.count {
                if let completion = nextSpilled() { return completion }
                continue
            }
            if head == tail {
                guard drain() else { return nil }
                continue
            }
            if tail &- head > Self.fetchDistance { fetch(head &+ Self.fetchDistance) }
            let entry = KernelCompletion(ring.completion(head))
            head &+= 1
            if let completion = translate(entry) { return completion }
        }
    }

    /// The bytes of a slice of this turn.
    @inline(__always)
    public mutating func bytes(of slice: ReceiveSlice) -> UnsafeRawBufferPointer {
        guard slice.offset < Self.lentOffset else {
            return UnsafeRawBufferPointer(lent[Int(slice.offset &- Self.lentOffset)])
        }
        return UnsafeRawBufferPointer(start: buffers.memory + Int(slice.offset), count: Int(slice.count))
    }

    private mutating func nextPending() -> Completion? {
        guard let completion = pending.popFirst() else { return nil }
        if completion.kind != .blocked, arenaInUse { resetArena() }
        if completion.kind == .received { lentDelivered &+= 1 }
        return completion
    }

    /// The kernel's time.
    public mutating func now() -> UInt64 { ring.isForeign ? ring.foreignNow() : clock.now() }

    /// What the last turn's sends named is free, now that all that was blocked of them has been told.
    private mutating func resetArena() {
        arena.reset(spoils: ring.isForeign)
        arenaInUse = false
        if !worksInWaitOnly { buffers.recycle() }
        freeLent()
        buffers.hideSlices()
    }

    @inline(__always)
    mutating func translate(_ entry: KernelCompletion) -> Completion? {
        counts.pointee.completions &+= 1
        if entry.result == -EFAULT { counts.pointee.noteFault() }
        let key = CompletionKey(userData: entry.userData)
        if entry.userData & 0xFF == UringOperation.receive { return completeReceive(key, entry.result, entry.flags) }
        return translateOther(entry, key)
    }

    /// Apart, because nearly all completions are receives and pass through as little code as may be.
    @inline(never)
    private mutating func translateOther(_ entry: KernelCompletion, _ key: CompletionKey) -> Completion? {
        switch entry.userData & 0xFF {
        case UringOperation.trackedSend: return completeTrackedSend(key, entry.result)
        case UringOperation.accept: return completeAccept(key, entry.result, entry.flags)
        case UringOperation.close: return completeClose(key)
        case UringOperation.cancelReceive: completeCancelReceive(key, entry.result)
        case UringOperation.cancelSend: completeCancelSend(key, entry.result)
        case UringOperation.cancelAccept: completeCancelAccept(key, entry.result)
        case UringOperation.shutdown: completeShutdown(key, entry.result)
        case UringOperation.overlapped: return completeOperation(key, entry.result)
        case UringOperation.doorbellRead: armDoorbell()
        case UringOperation.zeroCopySend: completeZeroCopy(key, entry.result, entry.flags)
        #if GORI_CANARIES
            case UringOperation.silentSend: return failedSendMetLate(key, entry.result)
        #endif
        default: break
        }
        return nil
    }

    // MARK: Kernel

    /// A free entry of the submission queue; when there is none, what is queued goes out first.
    @inline(__always)
    mutating func entry() -> UnsafeMutablePointer<io_uring_sqe> {
        if ring.isFull { submitMidway() }
        counts.pointee.submissions &+= 1
        return ring.nextEntry()
    }

    /// Whatever the kernel did not take stays queued, and so does the memory that it names (rule M1).
    @inline(__always)
    mutating func noteRefusal(_ result: Int32, asked: UInt32) {
        if result == -EAGAIN || result == -EBUSY || (result >= 0 && result < asked) {
            counts.pointee.submitsRefused &+= 1
        }
    }

    @inline(__always)
    mutating func putFailedFirst() {
        if !failed.isEmpty { putFirst() }
    }

    @inline(never)
    private mutating func putFirst() {
        pending.putFirst(failed)
        failed.removeAll()
    }

    private mutating func armDoorbell() {
        guard doorbellDescriptor >= 0 else { return }
        let sqe = entry()
        sqe.pointee.opcode = UInt8(CL_OP_READ)
        sqe.pointee.fd = doorbellDescriptor
        sqe.pointee.addr = UInt64(UInt(bitPattern: doorbellCount.memory))
        sqe.pointee.len = 8
        sqe.pointee.off = UInt64.max
        sqe.pointee.user_data = UringOperation.doorbellRead
    }
}
