// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// Threads for work that blocks: queries, password hashes, files. Never a worker's thread, and never one of Swift's
/// own, of which there are only as many as processors.
///
/// The slow part of a handler (`Server.on(_:in:async:)`) awaits `run`; what comes back arrives at its worker as mail.
/// Work begins in the order in which it came, so with one thread it is also done in that order. How much may wait is
/// bounded twice: by credits, so that a flood is refused at once, and by patience, so that work for which nobody waits
/// any more is not done. May be used from any thread.
public final class BlockingPool: Sendable {
    /// Why work was not done.
    public enum Refusal: Error, Hashable, Sendable {
        /// All credits are taken.
        case busy
        /// It waited for longer than the pool's patience.
        case late
        /// The pool has stopped.
        case stopped
    }

    private let queue: BlockingQueue
    private let threads: [WorkerThreadBox]
    private let lock = JoinLock()

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - name: of the threads, at most 12 bytes.
    ///   - threads: 1 or more.
    ///   - credits: how many `run` at a time, waiting ones included.
    ///   - patience: how long work of `run` may wait before it begins, in milliseconds.
    public init(name: String, threads count: Int = 1, credits: Int = 1_024, patience: Int = 4_000) {
        precondition(count >= 1 && credits >= 1 && patience >= 1, "a pool has a thread, a credit and a millisecond")
        let queue = BlockingQueue(credits: credits, patience: UInt64(patience) * 1_000_000)
        self.queue = queue
        // Signals are for the main thread, which may not have blocked them yet.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        threads = (0..<count).map { index in
            WorkerThreadBox(WorkerThread(name: count == 1 ? name : "\(name)-\(index)") { queue.serve() })
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }

    /// Makes a pool without threads, in which work is done at once by whoever asks for it: for simulation, where nothing
    /// may depend on when a thread runs.
    @_spi(Measuring)
    public init(immediate: Void) {
        queue = BlockingQueue(credits: 1, patience: 0)
        threads = []
    }

    /// Runs `work` on one of the threads and suspends until it is done.
    ///
    /// - Throws: `Refusal`, and then `work` has not run and will not; else what `work` throws.
    public func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        guard !threads.isEmpty else { return try work() }
        return try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
            let job = BlockingQueue.Job(
                queuedAt: MonotonicClock.now(), holdsCredit: true,
                work: { continuation.resume(with: Result { try work() }) },
                refuse: { continuation.resume(throwing: $0) })
            if let refusal = queue.add(job) { continuation.resume(throwing: refusal) }
        }
    }

    /// Has `work` run ahead of all that waits, for nobody to wait for. Takes no credit: whoever posts bounds how often.
    ///
    /// - Returns: false when the pool has stopped.
    @discardableResult
    public func post(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard !threads.isEmpty else {
            work()
            return true
        }
        return queue.addFirst(BlockingQueue.Job(queuedAt: 0, holdsCredit: false, work: work, refuse: { _ in })) == nil
    }

    /// Refuses what has not begun and what comes later, and waits for what runs. A second call returns at once.
    public func stop() {
        for job in queue.close() { job.refuse(.stopped) }
        lock.withLock { for thread in threads { thread.join() } }
    }

    deinit { stop() }
}
