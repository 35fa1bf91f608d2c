// SPDX-License-Identifier: Apache-2.0

internal import Glibc
@_spi(Measuring) internal import Overlapped
internal import Platform
internal import Synchronization

/// The only ways across threads: for each ordered pair of workers one bounded ring, for each worker one inbox for
/// foreign threads, and a doorbell (rule M6).
///
/// Waking: the producer stores its message, then fences, then reads `isToBeRung`; the consumer exchanges that for true
/// and looks at every mailbox once more, all sequentially consistent, and only then waits. So either the producer sees
/// that it is to ring or the consumer sees the message. The first who rings takes `isToBeRung` back.
///
/// A worker that gets mail in turn after turn takes it back itself while it is awake: nobody rings then. One that gets
/// mail seldom leaves it: it is rung now and then while it is awake, once a turn at most, and its turns need no
/// exchange, whose wait for all that the turn has stored was 1 % of a message that has a turn for itself. What was true
/// since the last look needs no other look: whoever has posted since has rung, or will.
final class Mailboxes: @unchecked Sendable {
    /// What a foreign thread puts into a worker's inbox.
    enum Letter: Sendable {
        /// Stop accepting, say goodbye to everybody, end.
        case drain
        /// Run on the worker's thread.
        case perform(@Sendable (WorkerContext, UnsafeMutableRawPointer) -> Void)
        /// Run a job of a slow part.
        case job(UnownedJob)
        /// A slow part has ended; the second part is to run.
        case finishSlowPart(SessionID, @Sendable (Session, UnsafeMutableRawPointer) -> Void)
        #if DEBUG || GORI_FAULTS
            /// The next wait of the worker's port fails.
            case breakPort
        #endif
    }

    let workerCount: Int
    private let rings: [MessageRing]
    private let inboxes: [Inbox]
    private let asleepMemory: UnsafeMutableRawPointer
    /// Set before the workers run, and not changed after.
    private let doorbellCopies: UnsafeMutablePointer<Doorbell?>
    /// Bit w: worker w has died or ended, and its doorbell is gone.
    private let gone = Atomic<UInt64>(0)
    private let addressLimit: AddressLimit?

    private static let stride = 128

    /// For how many turns after its last mail a worker says when it is awake. A ring costs about as much as so many
    /// exchanges.
    private static let watchfulTurns: Int32 = 16

    /// What a worker looks at in every turn, in a cache line of its own: whether it is to be rung, how many ring its
    /// doorbell at this moment, and whether there are letters.
    private struct Sleep: ~Copyable {
        let isToBeRung = Atomic<Bool>(false)
        let hasLetters = Atomic<Bool>(false)
        /// Turns for which the worker still says when it is awake. Its own, and an atomic all the same: to modify a
        /// field is to modify all of what a pointer points at, and others read from it.
        let watchfulTurns = Atomic<Int32>(0)
        let ringing = Atomic<Int>(0)
    }

    private final class Inbox: Sendable {
        let letters = Lock<[Letter]>([])
    }

    init(workerCount: Int, ringCapacity: Int = 64, addressLimit: AddressLimit? = nil) {
        precondition(workerCount > 0 && workerCount <= 64)
        self.workerCount = workerCount
        self.addressLimit = addressLimit
        rings = (0..<workerCount * workerCount).map { _ in MessageRing(capacity: ringCapacity) }
        inboxes = (0..<workerCount).map { _ in Inbox() }
        asleepMemory = .allocate(byteCount: workerCount * Self.stride, alignment: Self.stride)
        for worker in 0..<workerCount {
            (asleepMemory + worker * Self.stride).bindMemory(to: Sleep.self, capacity: 1).initialize(to: Sleep())
        }
        doorbellCopies = .allocate(capacity: workerCount)
        doorbellCopies.initialize(repeating: nil, count: workerCount)
    }

    deinit {
        asleepMemory.deallocate()
        doorbellCopies.deinitialize(count: workerCount)
        doorbellCopies.deallocate()
    }

    /// Makes a worker's doorbell known. Called before any worker runs.
    func install(_ doorbell: Doorbell, of worker: Int) {
        doorbellCopies[worker] = doorbell
    }

    // MARK: Producers

    /// Posts from one worker to another. Never waits.
    ///
    /// - Returns: false when the ring is full; the caller keeps the message and its order.
    func post(_ message: Message, from source: Int, to target: Int) -> Bool {
        rings[source &* workerCount &+ target].push(message)
    }

    /// Wakes a worker if it may sleep. Called after posting, at most once a turn and target.
    func wake(_ worker: Int) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard sleep(worker).pointee.isToBeRung.load(ordering: .relaxed) else { return }
        guard sleep(worker).pointee.isToBeRung.exchange(false, ordering: .relaxed) else { return }
        // Whoever dies waits until this count is 0 before its descriptor's number is free for others.
        sleep(worker).pointee.ringing.add(1, ordering: .sequentiallyConsistent)
        if !isGone(worker) { doorbellCopies[worker]?.ring() }
        sleep(worker).pointee.ringing.subtract(1, ordering: .sequentiallyConsistent)
    }

    /// Posts from any thread.
    func post(_ letter: Letter, to worker: Int) {
        let inbox = inboxes[worker]
        inbox.letters.withLock { $0.append(letter) }
        sleep(worker).pointee.hasLetters.store(true, ordering: .releasing)
        wake(worker)
    }

    // MARK: Consumer

    /// The next message of one peer.
    func next(from source: Int, to worker: Int) -> Message? {
        guard let message = rings[source &* workerCount &+ worker].pop() else { return nil }
        sleep(worker).pointee.watchfulTurns.store(Self.watchfulTurns, ordering: .relaxed)
        return message
    }

    /// Whether a peer found its ring full since it was last asked; then it is to be woken.
    func wasFull(from source: Int, to worker: Int) -> Bool { rings[source &* workerCount &+ worker].takeFoundFull() }

    /// Whether there are letters to take.
    @inline(__always)
    func hasLetters(of worker: Int) -> Bool { sleep(worker).pointee.hasLetters.load(ordering: .acquiring) }

    /// Takes all letters.
    func takeLetters(of worker: Int) -> [Letter] {
        guard hasLetters(of: worker) else { return [] }
        let inbox = inboxes[worker]
        sleep(worker).pointee.watchfulTurns.store(Self.watchfulTurns, ordering: .relaxed)
        sleep(worker).pointee.hasLetters.store(false, ordering: .relaxed)
        return inbox.letters.withLock { letters in
            defer { letters.removeAll(keepingCapacity: true) }
            return letters
        }
    }

    /// Sees to it that whoever posts from now on rings: the worker is about to wait.
    ///
    /// - Returns: whether it may; else there is mail.
    @inline(__always)
    func prepareToSleep(_ worker: Int) -> Bool {
        guard !sleep(worker).pointee.isToBeRung.load(ordering: .relaxed) else { return true }
        return announceSleep(worker)
    }

    @inline(never)
    private func announceSleep(_ worker: Int) -> Bool {
        // An exchange and loads that are all sequentially consistent do here what a fence in between would, and the
        // exchange takes half its time.
        _ = sleep(worker).pointee.isToBeRung.exchange(true, ordering: .sequentiallyConsistent)
        #if GORI_CANARIES
            if Canary.sings(.doorbell) { return true }
        #endif
        guard !sleep(worker).pointee.hasLetters.load(ordering: .sequentiallyConsistent) else { return false }
        for source in 0..<workerCount where source != worker {
            guard rings[source &* workerCount &+ worker].isEmpty else { return false }
        }
        return true
    }

    /// Whether a worker is to be rung while there is something for it, and nobody has: between a post and the ring that
    /// follows it; for longer it is a wake-up that was lost. For simulation.
    func sleepsOverMail(_ worker: Int) -> Bool {
        guard sleep(worker).pointee.isToBeRung.load(ordering: .relaxed) else { return false }
        return sleep(worker).pointee.hasLetters.load(ordering: .relaxed)
            || (0..<workerCount).contains { $0 != worker && !rings[$0 &* workerCount &+ worker].isEmpty }
    }

    /// The worker is awake, and says so if mail comes often.
    @inline(__always)
    func wakeUp(_ worker: Int) {
        let turns = sleep(worker).pointee.watchfulTurns.load(ordering: .relaxed)
        guard turns > 0 else { return }
        sleep(worker).pointee.watchfulTurns.store(turns &- 1, ordering: .relaxed)
        sleep(worker).pointee.isToBeRung.store(false, ordering: .relaxed)
    }

    @inline(__always)
    private func sleep(_ worker: Int) -> UnsafeMutablePointer<Sleep> {
        (asleepMemory + worker &* Self.stride).assumingMemoryBound(to: Sleep.self)
    }

    // MARK: Ends and deaths

    /// Whether a worker has died or ended: nothing is posted to it any more.
    func isGone(_ worker: Int) -> Bool { gone.load(ordering: .sequentiallyConsistent) & 1 << UInt64(worker) != 0 }

    /// A worker has died or ended. When this returns nobody rings its doorbell, now or later.
    func leave(_ worker: Int) {
        gone.bitwiseOr(1 << UInt64(worker), ordering: .sequentiallyConsistent)
        while sleep(worker).pointee.ringing.load(ordering: .sequentiallyConsistent) > 0 { sched_yield() }
    }

    /// Throws away what workers have sent to one that does not serve any more. Called on its thread.
    func discardMessages(to worker: Int) {
        for peer in 0..<workerCount where peer != worker {
            while let message = next(from: peer, to: worker) { discard(message) }
            if wasFull(from: peer, to: worker) { wake(peer) }
        }
    }

    /// Gives back what belongs to a message that nobody will read: a socket is closed, a parcel released.
    func discard(_ message: Message) {
        if message.tag == Message.handOver {
            if message.isCounted, let address = SocketAddress(peerOf: message.descriptor) {
                addressLimit?.release(address)
            }
            Sockets.close(message.descriptor)
        }
        guard message.tag == Message.parcel, let pointer = UnsafeRawPointer(bitPattern: UInt(message.payload)) else {
            return
        }
        Unmanaged<Parcel>.fromOpaque(pointer).release()
    }
}
