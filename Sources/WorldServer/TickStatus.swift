// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What the ticks of all workers have done, where any thread may read it at any time.
///
/// Each worker stores its own words once a tick, relaxed: a reader gets each count whole.
public final class TickStatus: @unchecked Sendable {
    private static let words = MemoryLayout<TickCounters>.size / 8
    /// Bytes of one worker's counts, so that no two share a cache line.
    private static let stride = (words * 8 + 127) & ~127
    private let memory: UnsafeMutableRawPointer
    /// How many workers there are.
    public let workerCount: Int

    /// Makes the counts of a number of workers, all 0.
    public init(workerCount: Int) {
        self.workerCount = workerCount
        memory = .allocate(byteCount: max(workerCount, 1) * Self.stride, alignment: 128)
        for offset in Swift.stride(from: 0, to: workerCount * Self.stride, by: 8) {
            (memory + offset).initializeMemory(as: Atomic<UInt64>.self, to: Atomic(0))
        }
    }

    deinit { memory.deallocate() }

    /// Called by the worker itself.
    func store(_ counters: TickCounters, of worker: Int) {
        withUnsafeBytes(of: counters) { source in
            for index in 0..<Self.words {
                let value = source.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                place(worker, index).pointee.store(value, ordering: .relaxed)
            }
        }
    }

    /// What the ticks of a worker have done.
    ///
    /// - Precondition: `worker` is one of `0..<workerCount`.
    public func counters(of worker: Int) -> TickCounters {
        precondition((0..<workerCount).contains(worker), "there is no such worker")
        var counters = TickCounters()
        withUnsafeMutableBytes(of: &counters) { target in
            for index in 0..<Self.words {
                target.storeBytes(
                    of: place(worker, index).pointee.load(ordering: .relaxed), toByteOffset: index * 8,
                    as: UInt64.self)
            }
        }
        return counters
    }

    /// A JSON array with an object for each worker, each count under the name of its property.
    public var json: String {
        let workers = (0..<workerCount).map { worker in
            let counts = counters(of: worker).named.map { "\"\($0.name)\":\($0.value)" }
            return "{" + counts.joined(separator: ",") + "}"
        }
        return "[" + workers.joined(separator: ",") + "]"
    }

    private func place(_ worker: Int, _ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (memory + worker * Self.stride + index * 8).assumingMemoryBound(to: Atomic<UInt64>.self)
    }
}
