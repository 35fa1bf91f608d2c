// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Synchronization

/// The counters of all workers, where any thread may read them at any time: also those of a worker that is stuck or
/// gone.
///
/// Each worker stores its own words once a turn, relaxed: a reader gets each count whole, and all of them as they
/// stood at the end of some turn or in the middle of the next.
final class CounterPages: @unchecked Sendable {
    private static let portWords = MemoryLayout<PortCounters>.size / 8
    private static let workerWords = MemoryLayout<WorkerCounters>.size / 8
    /// Bytes of one worker's page, so that no two share a cache line.
    private static let stride = ((portWords + workerWords) * 8 + 127) & ~127
    private let memory: UnsafeMutableRawPointer
    private let workerCount: Int

    init(workerCount: Int) {
        self.workerCount = workerCount
        memory = .allocate(byteCount: workerCount * Self.stride, alignment: 128)
        for offset in Swift.stride(from: 0, to: workerCount * Self.stride, by: 8) {
            (memory + offset).initializeMemory(as: Atomic<UInt64>.self, to: Atomic(0))
        }
    }

    deinit { memory.deallocate() }

    /// One worker's page, for that worker; lives as long as this object.
    struct Page {
        fileprivate let words: UnsafeMutablePointer<Atomic<UInt64>>

        /// Called by the worker itself.
        @inline(__always)
        func store(_ port: PortCounters, _ worker: WorkerCounters) {
            withUnsafeBytes(of: port) { store($0, at: words) }
            withUnsafeBytes(of: worker) { store($0, at: words + portWords) }
        }

        @inline(__always)
        private func store(_ values: UnsafeRawBufferPointer, at place: UnsafeMutablePointer<Atomic<UInt64>>) {
            for index in 0..<values.count / 8 {
                let value = values.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self)
                place[index].store(value, ordering: .relaxed)
            }
        }
    }

    /// The page of a worker, which nobody else stores to.
    func page(of worker: Int) -> Page { Page(words: page(worker)) }

    /// What the sessions of all workers but one hold.
    func bytesHeld(besides index: Int) -> Int {
        guard let offset = MemoryLayout<WorkerCounters>.offset(of: \.bytesHeld) else { return 0 }
        var sum: UInt64 = 0
        for worker in 0..<workerCount where worker != index {
            sum &+= page(worker)[Self.portWords &+ offset / 8].load(ordering: .relaxed)
        }
        return Int(clamping: sum)
    }

    /// The sums over all workers.
    var total: ServerCounters {
        var port = PortCounters()
        var worker = WorkerCounters()
        for index in 0..<workerCount {
            withUnsafeMutableBytes(of: &port) { add(page(index), to: $0) }
            withUnsafeMutableBytes(of: &worker) { add(page(index) + Self.portWords, to: $0) }
        }
        return ServerCounters(port: port, workers: worker)
    }

    private func add(_ place: UnsafeMutablePointer<Atomic<UInt64>>, to words: UnsafeMutableRawBufferPointer) {
        for index in 0..<words.count / 8 {
            let sum = words.load(fromByteOffset: index &* 8, as: UInt64.self)
            let value = sum &+ place[index].load(ordering: .relaxed)
            words.storeBytes(of: value, toByteOffset: index &* 8, as: UInt64.self)
        }
    }

    private func page(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (memory + index &* Self.stride).assumingMemoryBound(to: Atomic<UInt64>.self)
    }
}
