// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// Which workers of a server serve, have ended or have died, and why a server stops by itself. Any thread.
final class WorkerCensus: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var serving: Int
    private var dead = 0
    private let workerCount: Int
    private var reason: PortError?
    private var observer: (@Sendable () -> Void)?

    init(workerCount: Int) {
        self.workerCount = workerCount
        serving = workerCount
        mutex = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        changed.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
    }

    /// Nobody serves any more.
    var isEmpty: Bool { locked { serving == 0 } }

    /// Workers that have not died.
    var living: Int { locked { workerCount - dead } }

    /// Why the server stops by itself, nil while it does not.
    var failure: PortError? { locked { reason } }

    /// A worker has ended as it should.
    func ended() { locked { leave() } }

    /// A worker has died. Returns how many live on.
    func died() -> Int {
        locked {
            dead += 1
            leave()
            return workerCount - dead
        }
    }

    /// The server stops by itself; the first reason counts.
    func stop(_ error: PortError) {
        let observer = locked {
            defer { self.observer = nil }
            reason = reason ?? error
            return self.observer
        }
        observer?()
    }

    /// Calls `body` once when the server stops by itself, at once if it does already.
    func whenStopping(_ body: @escaping @Sendable () -> Void) {
        let isStopping = locked {
            if reason == nil { observer = body }
            return reason != nil
        }
        if isStopping { body() }
    }

    /// Waits until nobody serves, for some milliseconds at most. Returns whether nobody does.
    func waitUntilEmpty(milliseconds: Int) -> Bool {
        let end = MonotonicClock.now() &+ WorkerCore.ms(milliseconds)
        var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
        return locked {
            while serving > 0 {
                guard pthread_cond_timedwait(changed, mutex, &time) == 0 else { return false }
            }
            return true
        }
    }

    private func leave() {
        serving -= 1
        if serving == 0 { pthread_cond_broadcast(changed) }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
