// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@testable import Gori
@testable import Overlapped

/// What a flush takes of a turn's output, and what it keeps back.
@Suite("Gather")
struct GatherTests {
    private struct NoSlot: Error {}

    /// Whole packets, `count` of them, of `size` bytes, each filled with its number.
    private static func packets(_ count: Int, size: Int, first: UInt8) -> [UInt8] {
        (0..<count).flatMap { number in
            [UInt8(size & 0xFF), UInt8(size >> 8), 7, 0]
                + [UInt8](repeating: first &+ UInt8(truncatingIfNeeded: number), count: size - 4)
        }
    }

    @Test("what follows a part that was cut is kept back, however small it is")
    func orderAcrossTheLimit() throws {
        let definition = ServerDefinition(
            configuration: ServerConfiguration(), makeState: { _ in .allocate(byteCount: 1, alignment: 1) },
            destroyState: { $0.deallocate() })
        let pages = CounterPages(workerCount: 1)
        defer { withExtendedLifetime(pages) {} }
        var core = WorkerCore(
            index: 0, definition: definition, mailboxes: Mailboxes(workerCount: 1), counts: pages.counts(of: 0),
            now: 1, startedAt: 1)
        guard let slot = core.sessions.take() else { throw NoSlot() }
        core.sessions.records[slot].phase = .open
        // The first part cannot go out whole, and what is left of the limit is more than the second part.
        let large = Self.packets(30, size: 9_000, first: 0)
        let small = Self.packets(3, size: 20, first: 100)
        var sent: [UInt8] = []
        large.withUnsafeBytes { largeBytes in
            small.withUnsafeBytes { smallBytes in
                core.sendShared(slot, largeBytes)
                core.sendShared(slot, smallBytes)
                withUnsafeTemporaryAllocation(of: IOVector.self, capacity: WorkerCore.partLimit) { list in
                    guard let base = list.baseAddress else { return }
                    let count = core.gather(slot, into: base)
                    for index in 0..<count { sent += Array(list[index].bytes) }
                }
            }
        }
        #expect(sent.count <= WorkerCore.flushLimit)
        #expect(sent.count > 0)
        var kept: [UInt8] = []
        while !core.sessions.records[slot].backlog.isEmpty {
            kept += Array(core.sessions.records[slot].backlog.firstChunk)
            core.sessions.records[slot].backlog.dropFirst(pool: &core.pool)
        }
        // Compared outside of the macro, which would print a quarter of a megabyte.
        let isInOrder = sent + kept == large + small
        #expect(isInOrder)
    }
}
