// SPDX-License-Identifier: Apache-2.0

internal import Glibc
@_spi(Measuring) internal import Overlapped
internal import Platform
internal import Synchronization

/// The only ways across threads: for each ordered pair of workers one bounded ring, for each worker one inbox for
/// foreign threads, and a doorbell that rings only a sleeping worker (rule M6).
///
/// Waking: the producer stores its message, then fences, then reads `asleep`; the consumer exchanges `asleep` and looks
/// at every mailbox once more, all sequentially consistent, and only then waits. So either the producer sees the
/// sleeper or the sleeper the message.
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
    /// Bit w: worker w has died and its doorbell is gone.
    private let gone = Atomic<UInt64>(0)
    private let addressLimit: AddressLimit?

    private static let stride = 128

    /// What a worker looks at in every turn, in a cache line of its own: whether it sleeps, how many ring its doorbell
    /// at this moment, and whether there are letters.
    private struct Sleep: ~Copyable {
        let isAsleep = Atomic<Bool>(false)
        let hasLetters = Atomic<Bool>(false)
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

    /// Wakes a worker if it sleeps. Called after posting, at most once a turn and target.
    func wake(_ worker: Int) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard sleep(worker).pointee.isAsleep.load(ordering: .relaxed) else { return }
        guard sleep(worker).pointee.isAsleep.exchange(false, ordering: .relaxed) else { return }
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
    func next(from source: Int, to worker: Int) -> Message? { rings[source &* workerCount &+ worker].pop() }

    /// Whether a peer found its ring full since it was last asked; then it is to be woken.
    func wasFull(from source: Int, to worker: Int) -> Bool { rings[source &* workerCount &+ worker].takeFoundFull() }

    /// Whether there are letters to take.
    @inline(__always)
    func hasLetters(of worker: Int) -> Bool { sleep(worker).pointee.hasLetters.load(ordering: .acquiring) }

    /// Takes all letters.
    func takeLetters(of worker: Int) -> [Letter] {
        guard hasLetters(of: worker) else { return [] }
        let inbox = inboxes[worker]
        sleep(worker).pointee.hasLetters.store(false, ordering: .relaxed)
        return inbox.letters.withLock { letters in
            defer { letters.removeAll(keepingCapacity: true) }
            return letters
        }
    }

    /// Announces that the worker is about to wait.
    ///
    /// - Returns: whether all its mailboxes are empty; else it must not wait.
    func prepareToSleep(_ worker: Int) -> Bool {
        // An exchange and loads that are all sequentially consistent do here what a fence in between would, and the
        // exchange takes half its time.
        _ = sleep(worker).pointee.isAsleep.exchange(true, ordering: .sequentiallyConsistent)
        #if GORI_CANARIES
            if Canary.sings(.doorbell) { return true }
        #endif
        guard !sleep(worker).pointee.hasLetters.load(ordering: .sequentiallyConsistent) else { return false }
        for source in 0..<workerCount where source != worker {
            guard rings[source &* workerCount &+ worker].isEmpty else { return false }
        }
        return true
    }

    /// Whether a worker has said that it sleeps while there is something for it, and nobody has taken back the saying:
    /// between a post and the wake-up that follows it; for longer it is a wake-up that was lost. For simulation.
    func sleepsOverMail(_ worker: Int) -> Bool {
        guard sleep(worker).pointee.isAsleep.load(ordering: .relaxed) else { return false }
        return sleep(worker).pointee.hasLetters.load(ordering: .relaxed)
            || (0..<workerCount).contains { $0 != worker && !rings[$0 &* workerCount &+ worker].isEmpty }
    }

    /// The worker is awake.
    func wakeUp(_ worker: Int) { sleep(worker).pointee.isAsleep.store(false, ordering: .relaxed) }

    @inline(__always)
    private func sleep(_ worker: Int) -> UnsafeMutablePointer<Sleep> {
        (asleepMemory + worker &* Self.stride).assumingMemoryBound(to: Sleep.self)
    }

    // MARK: Death

    /// Whether a worker has died: nothing is posted to it any more.
    func isGone(_ worker: Int) -> Bool { gone.load(ordering: .sequentiallyConsistent) & 1 << UInt64(worker) != 0 }

    /// A worker has died. When this returns nobody rings its doorbell, now or later.
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
