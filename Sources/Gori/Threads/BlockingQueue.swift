// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// What waits for the threads of a `BlockingPool`.
final class BlockingQueue: @unchecked Sendable {
    struct Job: Sendable {
        let queuedAt: UInt64
        let holdsCredit: Bool
        let work: @Sendable () -> Void
        let refuse: @Sendable (BlockingPool.Refusal) -> Void
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let patience: UInt64
    private var credits: Int
    /// Ahead of `waiting`, in order of their own.
    private var first: [Job] = []
    private var waiting: [Job?] = []
    /// Where `waiting` begins; what is before it has begun.
    private var start = 0
    private var isClosed = false

    init(credits: Int, patience: UInt64) {
        self.credits = credits
        self.patience = patience
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Adds a job behind all others, which takes a credit; or says why not.
    func add(_ job: Job) -> BlockingPool.Refusal? {
        locked {
            guard !isClosed else { return .stopped }
            guard credits > 0 else { return .busy }
            credits -= 1
            waiting.append(job)
            pthread_cond_signal(condition)
            return nil
        }
    }

    /// Adds a job ahead of those that wait for a credit's sake; or says why not.
    func addFirst(_ job: Job) -> BlockingPool.Refusal? {
        locked {
            guard !isClosed else { return .stopped }
            first.append(job)
            pthread_cond_signal(condition)
            return nil
        }
    }

    /// Nothing more is added or begun.
    ///
    /// - Returns: what had not begun.
    func close() -> [Job] {
        locked {
            isClosed = true
            let left = first + waiting[start...].compactMap(\.self)
            first = []
            waiting = []
            start = 0
            pthread_cond_broadcast(condition)
            return left
        }
    }

    /// The life of a thread: job after job until the queue is closed.
    func serve() {
        while let job = next() {
            if job.holdsCredit, MonotonicClock.now() &- job.queuedAt > patience {
                job.refuse(.late)
            } else {
                job.work()
            }
            if job.holdsCredit { locked { credits += 1 } }
        }
    }

    private func next() -> Job? {
        locked {
            while true {
                if isClosed { return nil }
                if !first.isEmpty { return first.removeFirst() }
                if let job = takeWaiting() { return job }
                pthread_cond_wait(condition, mutex)
            }
        }
    }

    private func takeWaiting() -> Job? {
        guard start < waiting.count else { return nil }
        let job = waiting[start]
        waiting[start] = nil
        start += 1
        if start == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            start = 0
        } else if start >= 1_024, start * 2 >= waiting.count {
            // What has begun is moved out in pieces, so that taking one stays cheap however long the queue is.
            waiting.removeFirst(start)
            start = 0
        }
        return job
    }
}
