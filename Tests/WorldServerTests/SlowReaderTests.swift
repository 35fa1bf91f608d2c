// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import WorldServer

/// Which sessions do not read, and what is done about them.
@Suite struct SlowReaderTests {
    /// What a look at all says: ends are negative.
    private func look(_ readers: inout SlowReaders, now: UInt64, _ waiting: [UInt64: Int]) -> [Int64] {
        var verdicts: [Int64] = []
        readers.look(
            now: now, waiting: { waiting[$0] },
            act: { session, verdict in verdicts.append(verdict == .refresh ? Int64(session) : -Int64(session)) })
        return verdicts.sorted()
    }

    @Test("a session is news once, until it has read; then it may become news again")
    func once() {
        var readers = SlowReaders(highWater: 4_000)
        let first = readers.add(1, now: 5)
        let again = readers.add(1, now: 6)
        #expect(first && !again && readers.count == 1)
        #expect(look(&readers, now: 7, [1: 4_001]).isEmpty)
        #expect(look(&readers, now: 8, [1: 1_001]).isEmpty)
        #expect(look(&readers, now: 9, [1: 1_000]) == [1])
        #expect(readers.count == 0 && look(&readers, now: 9, [1: 0]).isEmpty)
        let later = readers.add(1, now: 10)
        #expect(later)
    }

    @Test("who has not read for too long is ended, who is gone forgotten, and all others kept")
    func several() {
        var readers = SlowReaders(highWater: 4_000)
        let patience = SlowReaders.patience
        for session in UInt64(1)...9 { _ = readers.add(session, now: session) }
        var waiting: [UInt64: Int] = [2: 9_000, 3: 2_000, 4: 0, 5: 1_500, 7: 1_000, 8: 5_000, 9: 70_000]
        #expect(look(&readers, now: 10, waiting) == [4, 7])
        #expect(readers.count == 5)
        #expect(look(&readers, now: patience + 1, waiting).isEmpty)
        #expect(look(&readers, now: patience + 3, waiting) == [-3, -2])
        waiting[9] = 1
        #expect(look(&readers, now: patience + 5, waiting) == [-5, 9])
        #expect(look(&readers, now: patience + 8, waiting) == [-8])
        #expect(readers.count == 0)
    }
}
