// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc
internal import SimulatedKernel
internal import Simulation
internal import Synchronization

/// Many seeds, shared out among threads; each seed is run by one of them, alone.
final class Campaign: @unchecked Sendable {
    let seeds: Range<UInt64>
    let failureLimit: Int
    let canary: String?
    private let next: Atomic<UInt64>
    private let lock = NSLock()
    // Below here: under the lock.
    private(set) var failed: [(seed: UInt64, what: String)] = []
    private(set) var done = 0
    private(set) var completions: UInt64 = 0
    private(set) var leastCompletions = Int.max
    private(set) var clientCounts: [Int] = []
    private(set) var repeated = 0
    private(set) var marks = Marks()
    private(set) var sights = Sights()
    private(set) var processorSeconds = 0.0

    /// One seed in so many is run twice, and must be the same to the last completion.
    private static let repetition: UInt64 = 100

    init(seeds: Range<UInt64>, failureLimit: Int, canary: String?) {
        self.seeds = seeds
        self.failureLimit = failureLimit
        self.canary = canary
        next = Atomic(seeds.lowerBound)
    }

    func run(threads: Int) {
        let workers = (0..<threads).map { index in
            let thread = Thread { [self] in work(index) }
            thread.stackSize = 8 << 20
            return thread
        }
        let finished = DispatchSemaphoreBox(count: threads)
        ended = finished
        for worker in workers { worker.start() }
        finished.waitForAll()
    }

    private var ended: DispatchSemaphoreBox?

    private func work(_ index: Int) {
        while true {
            let seed = next.add(1, ordering: .relaxed).oldValue
            guard seed < seeds.upperBound, !hasEnough else { break }
            Crash.watch(seed: seed, thread: index, canary: canary)
            let outcome = Simulation(seed: seed).run()
            var failure = outcome.failure
            let isRepeated = failure == nil && seed % Self.repetition == 0
            if isRepeated, Simulation(seed: seed).run().digest != outcome.digest {
                failure = "two runs of it differ"
            }
            record(outcome, failure, isRepeated)
        }
        lock.withLock { processorSeconds += Self.threadSeconds() }
        ended?.arrive()
    }

    private var hasEnough: Bool { lock.withLock { failed.count >= failureLimit } }

    private func record(_ outcome: Outcome, _ failure: String?, _ isRepeated: Bool) {
        lock.withLock {
            done += 1
            completions += UInt64(outcome.completions)
            leastCompletions = min(leastCompletions, outcome.completions)
            clientCounts.append(outcome.clients)
            repeated += isRepeated ? 1 : 0
            marks.add(outcome.marks)
            sights.add(outcome.sights)
            guard let failure else { return }
            failed.append((outcome.seed, failure))
            Report.print(failed: outcome.seed, failure, canary: canary)
        }
    }

    private static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Counts threads that have come to their end.
final class DispatchSemaphoreBox: Sendable {
    private let count: Int
    private let semaphore = DispatchSemaphore(value: 0)

    init(count: Int) { self.count = count }

    func arrive() { semaphore.signal() }

    func waitForAll() { for _ in 0..<count { semaphore.wait() } }
}
