// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// What workers tell others: their load, read by all workers, and what they are doing, read by the watchdog. Cache
/// lines of their own, written by their owner with plain stores.
final class PublishedCounters: @unchecked Sendable {
    private static let stride = 128
    private let memory: UnsafeMutableRawPointer
    private let activities: UnsafeMutableRawPointer
    private let workerCount: Int
    /// The watchdog sleeps until a turn begins.
    private let watchdogSleeps: UnsafeMutablePointer<Atomic<Bool>>
    private let watchdogBell: UnsafeMutablePointer<sem_t>

    /// What they have done, for whoever asks.
    let pages: CounterPages

    init(workerCount: Int) {
        self.workerCount = workerCount
        pages = CounterPages(workerCount: workerCount)
        memory = .allocate(byteCount: (workerCount + 1) * Self.stride, alignment: Self.stride)
        activities = .allocate(byteCount: workerCount * Self.stride, alignment: Self.stride)
        precondition(MemoryLayout<WorkerActivity>.size <= Self.stride)
        for worker in 0..<workerCount {
            (memory + worker * Self.stride).initializeMemory(as: Atomic<Int>.self, to: Atomic(0))
            (activities + worker * Self.stride).bindMemory(to: WorkerActivity.self, capacity: 1)
                .initialize(to: WorkerActivity())
        }
        watchdogSleeps = (memory + workerCount * Self.stride).bindMemory(to: Atomic<Bool>.self, capacity: 1)
        watchdogSleeps.initialize(to: Atomic(false))
        watchdogBell = .allocate(capacity: 1)
        watchdogBell.initialize(to: sem_t())
        sem_init(watchdogBell, 0, 0)
    }

    deinit {
        memory.deallocate()
        activities.deallocate()
        sem_destroy(watchdogBell)
        watchdogBell.deallocate()
    }

    func sessions(of worker: Int) -> Int { sessionCount(of: worker).pointee.load(ordering: .relaxed) }
    func setSessions(_ count: Int, of worker: Int) { sessionCount(of: worker).pointee.store(count, ordering: .relaxed) }

    var totalSessions: Int {
        var total = 0
        for worker in 0..<workerCount { total += sessions(of: worker) }
        return total
    }

    /// What a worker is doing. Lives as long as this object.
    func activity(of worker: Int) -> UnsafeMutablePointer<WorkerActivity> {
        (activities + worker * Self.stride).assumingMemoryBound(to: WorkerActivity.self)
    }

    /// A worker's number of sessions. Lives as long as this object.
    func sessionCount(of worker: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        (memory + worker * Self.stride).assumingMemoryBound(to: Atomic<Int>.self)
    }

    // MARK: Watchdog

    /// The watchdog is about to sleep; whoever begins a turn rings.
    func prepareWatchdogToSleep() { watchdogSleeps.pointee.store(true, ordering: .sequentiallyConsistent) }

    /// It does not sleep after all.
    func keepWatchdogAwake() { watchdogSleeps.pointee.store(false, ordering: .relaxed) }

    /// Sleeps until a ring, for some milliseconds at most. Called by the watchdog.
    func sleepAsWatchdog(milliseconds: Int) {
        var end = timespec()
        clock_gettime(CLOCK_REALTIME, &end)
        let nanoseconds = end.tv_nsec + milliseconds % 1_000 * 1_000_000
        end.tv_sec += milliseconds / 1_000 + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        _ = sem_timedwait(watchdogBell, &end)
        keepWatchdogAwake()
    }

    /// Called when a turn begins. No fence stands before the load: a ring that is missed costs the watchdog a fraction
    /// of a second, because it never sleeps for longer, and a fence would cost every turn.
    @inline(__always)
    func wakeWatchdog() {
        guard watchdogSleeps.pointee.load(ordering: .relaxed) else { return }
        ringWatchdog()
    }

    /// Wakes the watchdog if it sleeps, from any thread.
    func ringWatchdog() {
        guard watchdogSleeps.pointee.exchange(false, ordering: .sequentiallyConsistent) else { return }
        sem_post(watchdogBell)
    }
}
