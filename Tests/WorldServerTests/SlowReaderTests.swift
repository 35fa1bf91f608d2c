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

    @Test("a session is hushed once until it has read, and again when it stops reading later")
    func once() {
        var readers = SlowReaders(highWater: 4_000)
        let first = readers.add(1, waiting: 4_001, now: 5)
        let again = readers.add(1, waiting: 5_000, now: 6)
        #expect(first && !again && readers.hushedCount == 1)
        #expect(look(&readers, now: 7, [1: 4_001]).isEmpty)
        #expect(look(&readers, now: 8, [1: 1_001]).isEmpty)
        #expect(look(&readers, now: 9, [1: 1_000]) == [1])
        #expect(readers.hushedCount == 0 && look(&readers, now: 10, [1: 0]).isEmpty)
        #expect(look(&readers, now: 9 + SlowReaders.refreshTime, [1: 0]).isEmpty)
        #expect(readers.count == 0)
        let later = readers.add(1, waiting: 4_001, now: SlowReaders.refreshTime + 10)
        #expect(later)
    }

    @Test("being told of everything is no reason to be hushed again, but not to read that is")
    func refresh() {
        var readers = SlowReaders(highWater: 4_000)
        for session in UInt64(1)...2 { _ = readers.add(session, waiting: 4_001, now: 5) }
        #expect(look(&readers, now: 6, [1: 0, 2: 0]) == [1, 2])
        // Everything is 9,000 bytes.
        let told = (1...2).map { readers.add(UInt64($0), waiting: 9_000, now: 7) }
        let more = (1...2).map { readers.add(UInt64($0), waiting: 18_000, now: 8) }
        #expect(told == [false, false] && more == [false, false] && readers.hushedCount == 0)
        // One reads, and is as everybody again; the other does not.
        #expect(look(&readers, now: 9, [1: 1_000, 2: 18_000]).isEmpty && readers.count == 1)
        let (normal, slow) = (readers.add(1, waiting: 4_001, now: 10), readers.add(2, waiting: 18_001, now: 10))
        #expect(normal && slow && readers.hushedCount == 2)
        #expect(look(&readers, now: 10 + SlowReaders.patience, [1: 1_001, 2: 0]) == [-1, 2])
        #expect(look(&readers, now: 11 + SlowReaders.patience, [:]).isEmpty && readers.count == 0)
    }

    @Test("who has not read for too long is ended, who is gone forgotten, and all others kept")
    func several() {
        var readers = SlowReaders(highWater: 4_000)
        let patience = SlowReaders.patience
        for session in UInt64(1)...9 { _ = readers.add(session, waiting: 9_999, now: session) }
        var waiting: [UInt64: Int] = [2: 9_000, 3: 2_000, 4: 0, 5: 1_500, 7: 1_000, 8: 5_000, 9: 70_000]
        #expect(look(&readers, now: 10, waiting) == [4, 7])
        #expect(readers.hushedCount == 5)
        #expect(look(&readers, now: patience + 1, waiting).isEmpty)
        #expect(look(&readers, now: patience + 3, waiting) == [-3, -2])
        waiting[9] = 1
        #expect(look(&readers, now: patience + 5, waiting) == [-5, 9])
        #expect(look(&readers, now: patience + 8, waiting) == [-8])
        #expect(readers.hushedCount == 0)
    }
}
