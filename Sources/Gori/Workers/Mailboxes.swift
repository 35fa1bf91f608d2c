// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Synchronization

/// The only ways across threads: for each ordered pair of workers one bounded ring, for each worker one inbox for
/// foreign threads, and a doorbell that rings only a sleeping worker (rule M6).
///
/// Waking: the producer stores its message, then fences, then reads `asleep`; the consumer stores `asleep`, fences,
/// looks at every mailbox once more, and only then waits. So either the producer sees the sleeper or the sleeper the
/// message.
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
    }

    let workerCount: Int
    private let rings: [MessageRing]
    private let inboxes: [Inbox]
    private let asleepMemory: UnsafeMutableRawPointer
    /// Set before the workers run, and not changed after.
    private let doorbellCopies: UnsafeMutablePointer<Doorbell?>

    private static let stride = 128

    private final class Inbox: Sendable {
        let letters = Mutex<[Letter]>([])
        let hasLetters = Atomic<Bool>(false)
    }

    init(workerCount: Int, ringCapacity: Int = 64) {
        precondition(workerCount > 0 && workerCount <= 64)
        self.workerCount = workerCount
        rings = (0..<workerCount * workerCount).map { _ in MessageRing(capacity: ringCapacity) }
        inboxes = (0..<workerCount).map { _ in Inbox() }
        asleepMemory = .allocate(byteCount: workerCount * Self.stride, alignment: Self.stride)
        for worker in 0..<workerCount {
            (asleepMemory + worker * Self.stride).initializeMemory(as: Atomic<Bool>.self, to: Atomic(false))
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
        guard flag(worker).pointee.load(ordering: .relaxed) else { return }
        guard flag(worker).pointee.exchange(false, ordering: .relaxed) else { return }
        doorbellCopies[worker]?.ring()
    }

    /// Posts from any thread.
    func post(_ letter: Letter, to worker: Int) {
        let inbox = inboxes[worker]
        inbox.letters.withLock { $0.append(letter) }
        inbox.hasLetters.store(true, ordering: .releasing)
        wake(worker)
    }

    // MARK: Consumer

    /// The next message of one peer.
    func next(from source: Int, to worker: Int) -> Message? { rings[source &* workerCount &+ worker].pop() }

    /// Whether a peer found its ring full since it was last asked; then it is to be woken.
    func wasFull(from source: Int, to worker: Int) -> Bool { rings[source &* workerCount &+ worker].takeFoundFull() }

    /// Takes all letters.
    func takeLetters(of worker: Int) -> [Letter] {
        let inbox = inboxes[worker]
        guard inbox.hasLetters.load(ordering: .acquiring) else { return [] }
        inbox.hasLetters.store(false, ordering: .relaxed)
        return inbox.letters.withLock { letters in
            defer { letters.removeAll(keepingCapacity: true) }
            return letters
        }
    }

    /// Announces that the worker is about to wait.
    ///
    /// - Returns: whether all its mailboxes are empty; else it must not wait.
    func prepareToSleep(_ worker: Int) -> Bool {
        flag(worker).pointee.store(true, ordering: .relaxed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard !inboxes[worker].hasLetters.load(ordering: .acquiring) else { return false }
        for source in 0..<workerCount where source != worker {
            guard rings[source &* workerCount &+ worker].isEmpty else { return false }
        }
        return true
    }

    /// The worker is awake.
    func wakeUp(_ worker: Int) { flag(worker).pointee.store(false, ordering: .relaxed) }

    private func flag(_ worker: Int) -> UnsafeMutablePointer<Atomic<Bool>> {
        (asleepMemory + worker &* Self.stride).assumingMemoryBound(to: Atomic<Bool>.self)
    }
}
