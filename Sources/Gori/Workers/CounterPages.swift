// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform

/// The counters of all workers, where any thread may read them at any time: also those of a worker that is stuck or
/// gone.
///
/// Each worker counts in its own memory, and so does its port; a reader gets each count whole, and all of them as they
/// stood while it was reading.
final class CounterPages: @unchecked Sendable {
    /// Bytes of one worker's counts, so that no two share a cache line.
    private static let stride = (MemoryLayout<WorkerCounts>.size + 127) & ~127
    private let memory: UnsafeMutableRawPointer
    private let workerCount: Int
    private let ports: Lock<[PortCounterMemory?]>

    init(workerCount: Int) {
        self.workerCount = workerCount
        ports = Lock(Array(repeating: nil, count: workerCount))
        memory = .allocate(byteCount: workerCount * Self.stride, alignment: 128)
        for worker in 0..<workerCount {
            (memory + worker * Self.stride).bindMemory(to: WorkerCounts.self, capacity: 1)
                .initialize(to: WorkerCounts())
        }
    }

    deinit { memory.deallocate() }

    /// Where a worker counts, which nobody else does. Lives as long as this object.
    func counts(of worker: Int) -> UnsafeMutablePointer<WorkerCounts> {
        (memory + worker &* Self.stride).assumingMemoryBound(to: WorkerCounts.self)
    }

    /// Says where a worker's port counts.
    func setPort(_ counters: PortCounterMemory, of worker: Int) { ports.withLock { $0[worker] = counters } }

    /// What the sessions of all workers but one hold.
    func bytesHeld(besides index: Int) -> Int {
        var sum: UInt64 = 0
        for worker in 0..<workerCount where worker != index { sum &+= counts(of: worker).pointee.bytesHeld.value }
        return Int(clamping: sum)
    }

    /// The sums over all workers.
    var total: ServerCounters {
        var port = PortCounters()
        var worker = WorkerCounters()
        ports.withLock { for counters in $0 { counters?.add(to: &port) } }
        for index in 0..<workerCount { LiveCounts.add(counts(of: index), to: &worker) }
        return ServerCounters(port: port, workers: worker)
    }
}
