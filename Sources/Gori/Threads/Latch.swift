// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// Lets the starting thread wait until every worker stands, or one has failed.
final class Latch: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var waiting: Int
    private var failure: PortError?

    init(count: Int) {
        waiting = count
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

    /// One worker stands, or has failed.
    func arrive(_ error: PortError? = nil) {
        pthread_mutex_lock(mutex)
        waiting -= 1
        if let error { failure = error }
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Waits for all. Returns what failed.
    func wait() -> PortError? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while waiting > 0 { pthread_cond_wait(condition, mutex) }
        return failure
    }
}
