// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What workers tell each other about their load: one cache line each, written by its owner, read by all.
final class PublishedCounters: @unchecked Sendable {
    private static let stride = 128
    private let memory: UnsafeMutableRawPointer
    private let workerCount: Int

    init(workerCount: Int) {
        self.workerCount = workerCount
        memory = .allocate(byteCount: workerCount * Self.stride, alignment: Self.stride)
        for worker in 0..<workerCount {
            (memory + worker * Self.stride).initializeMemory(as: Atomic<Int>.self, to: Atomic(0))
        }
    }

    deinit { memory.deallocate() }

    func sessions(of worker: Int) -> Int { cell(worker).pointee.load(ordering: .relaxed) }
    func setSessions(_ count: Int, of worker: Int) { cell(worker).pointee.store(count, ordering: .relaxed) }

    var totalSessions: Int {
        var total = 0
        for worker in 0..<workerCount { total += sessions(of: worker) }
        return total
    }

    private func cell(_ worker: Int) -> UnsafeMutablePointer<Atomic<Int>> {
        (memory + worker * Self.stride).assumingMemoryBound(to: Atomic<Int>.self)
    }
}
