// SPDX-License-Identifier: Apache-2.0

import Glibc
import Gori
import Overlapped
import Testing

/// Threads for what blocks.
@Suite struct BlockingPoolTests {
    private struct Trouble: Error {}

    /// Keeps a thread of a pool busy until it is let go.
    private final class Bolt: Sendable {
        private let gate = Ledger()
        func hold() { _ = gate.wait(seconds: BlockingPoolTests.deadline) { !$0.isEmpty } }
        func open() { gate.note("open") }
    }

    /// Seconds. Tests of other suites block the threads that tasks run on, for minutes on a slow machine: only a hang
    /// may come to this end.
    private static let deadline = 900

    /// Waits without keeping a thread on which tasks run.
    private func wait(for ledger: Ledger, _ lines: [String]) async -> Bool {
        let end = MonotonicClock.now() + UInt64(Self.deadline) * 1_000_000_000
        while ledger.all != lines, MonotonicClock.now() < end { await Task.yield() }
        return ledger.all == lines
    }

    @Test("work runs on a thread of the pool, and what it returns or throws comes back")
    func runs() async throws {
        let pool = BlockingPool(name: "gori-test")
        let name = try await pool.run {
            let file = fopen("/proc/thread-self/comm", "r")
            defer { if let file { fclose(file) } }
            var name = [UInt8](repeating: 0, count: 16)
            let count = file.map { fread(&name, 1, name.count, $0) } ?? 0
            return String(decoding: name[..<count].prefix { $0 != 10 }, as: UTF8.self)
        }
        #expect(name == "gori-test")
        await #expect(throws: Trouble.self) { try await pool.run { throw Trouble() } }
        pool.stop()
    }

    @Test("one thread does what it is asked in order, posted work first")
    func order() async throws {
        let pool = BlockingPool(name: "gori-test")
        let (ledger, bolt) = (Ledger(), Bolt())
        pool.post {
            ledger.note("bolt")
            bolt.hold()
        }
        #expect(await wait(for: ledger, ["bolt"]))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run { ledger.note("run") } }
            pool.post { ledger.note("first") }
            pool.post { ledger.note("second") }
            bolt.open()
            try await group.waitForAll()
        }
        #expect(await wait(for: ledger, ["bolt", "first", "second", "run"]))
        pool.stop()
    }

    @Test("several threads work at a time")
    func several() async throws {
        let pool = BlockingPool(name: "gori-test", threads: 3)
        let ledger = Ledger()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    try await pool.run {
                        ledger.note("in")
                        return ledger.wait(seconds: Self.deadline) { $0.count == 3 }
                    }
                }
            }
            for try await met in group { #expect(met) }
        }
        pool.stop()
    }

    @Test("above its credits a pool refuses at once, and serves again when there is room")
    func credits() async throws {
        let pool = BlockingPool(name: "gori-test", credits: 2)
        let (ledger, bolt) = (Ledger(), Bolt())
        pool.post { bolt.hold() }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    do {
                        try await pool.run { ledger.note("done") }
                    } catch {
                        ledger.note("\(error)")
                        bolt.open()
                    }
                }
            }
        }
        #expect(ledger.all == ["busy", "done", "done"])
        #expect(try await pool.run { 7 } == 7)
        pool.stop()
    }

    @Test("work for which nobody waits any more is refused instead of done")
    func patience() async throws {
        let pool = BlockingPool(name: "gori-test", patience: 20)
        var refusals = 0
        // On a busy machine the work may be asked for when the thread is free again.
        for _ in 0..<100 where refusals == 0 {
            let ledger = Ledger()
            pool.post {
                ledger.note("busy")
                usleep(60_000)
            }
            #expect(await wait(for: ledger, ["busy"]))
            do {
                try await pool.run { ledger.note("ran") }
            } catch {
                #expect(error as? BlockingPool.Refusal == .late)
                #expect(ledger.all == ["busy"])
                refusals += 1
            }
        }
        #expect(refusals == 1)
        #expect(try await pool.run { 7 } == 7)
        pool.stop()
    }

    @Test("a pool that stops finishes what runs, refuses what waits and what comes")
    func stops() async throws {
        let pool = BlockingPool(name: "gori-test")
        let (ledger, bolt) = (Ledger(), Bolt())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await pool.run {
                    ledger.note("runs")
                    bolt.hold()
                }
                ledger.note("ended")
            }
            #expect(await wait(for: ledger, ["runs"]))
            group.addTask {
                do {
                    try await pool.run { ledger.note("never") }
                } catch {
                    ledger.note("\(error)")
                }
                bolt.open()
            }
            // Either it waits and is refused, or it comes too late and is refused.
            group.addTask { pool.stop() }
            try await group.waitForAll()
        }
        #expect(ledger.all == ["runs", "stopped", "ended"])
        await #expect(throws: BlockingPool.Refusal.stopped) { try await pool.run {} }
        #expect(!pool.post {})
    }

    @Test("thousands may wait, and each is done once")
    func long() async throws {
        let pool = BlockingPool(name: "gori-test", credits: 10_000)
        let ledger = Ledger()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<5_000 {
                group.addTask { try await pool.run { ledger.note("\(number)") } }
            }
            try await group.waitForAll()
        }
        #expect(ledger.all.compactMap { Int($0) }.sorted() == Array(0..<5_000))
        pool.stop()
    }
}
