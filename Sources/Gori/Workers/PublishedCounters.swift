// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What workers tell others: their load, read by all workers, and what they are doing, read by the watchdog. Cache
/// lines of their own, written by their owner with plain stores.
final class PublishedCounters: @unchecked Sendable {
    private static let stride = 128
    private let memory: UnsafeMutableRawPointer
    private let activities: UnsafeMutableRawPointer
    private let workerCount: Int
    /// What the watchdog waits for, nil: there is none. Set before the workers are made.
    var timers: Watchdog.Timers?

    /// What they have done, for whoever asks.
    let pages: CounterPages

    init(workerCount: Int) {
        self.workerCount = workerCount
        pages = CounterPages(workerCount: workerCount)
        memory = .allocate(byteCount: workerCount * Self.stride, alignment: Self.stride)
        activities = .allocate(byteCount: workerCount * Self.stride, alignment: Self.stride)
        precondition(MemoryLayout<WorkerActivity>.size <= Self.stride)
        for worker in 0..<workerCount {
            (memory + worker * Self.stride).initializeMemory(as: Atomic<Int>.self, to: Atomic(0))
            (activities + worker * Self.stride).bindMemory(to: WorkerActivity.self, capacity: 1)
                .initialize(to: WorkerActivity())
        }
    }

    deinit {
        memory.deallocate()
        activities.deallocate()
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
}
