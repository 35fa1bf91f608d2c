// SPDX-License-Identifier: Apache-2.0

import Storage
import Testing

/// What is still to be saved.
@Suite struct SnapshotBufferTests {
    private func at(_ character: UInt64, _ x: UInt16) -> StoredPosition {
        StoredPosition(character: character, x: x, y: 0)
    }

    @Test("of each character the last position is saved, once")
    func lastWins() throws {
        let buffer = SnapshotBuffer()
        buffer.keep([at(1, 10), at(2, 20), at(1, 11)])
        buffer.keep([at(1, 12), at(3, 30)])
        #expect(buffer.count == 3)
        var saved: [StoredPosition] = []
        #expect(try buffer.drain { saved += $0 } == 3)
        #expect(Set(saved) == [at(1, 12), at(2, 20), at(3, 30)])
        #expect(try buffer.drain { saved += $0 } == 0)
        #expect(saved.count == 3 && buffer.count == 0)
    }

    @Test("a position that is being saved is known until it is, and a newer one before it")
    func known() throws {
        let buffer = SnapshotBuffer()
        buffer.keep([at(1, 10), at(2, 20)])
        try buffer.drain { _ in
            #expect(buffer.position(of: 1) == at(1, 10))
            buffer.keep([at(1, 11)])
            #expect(buffer.position(of: 1) == at(1, 11))
            #expect(buffer.position(of: 2) == at(2, 20))
        }
        #expect(buffer.position(of: 1) == at(1, 11))
        #expect(buffer.position(of: 2) == nil)
    }

    @Test("what could not be saved comes again, but does not take the place of what is newer")
    func again() throws {
        let buffer = SnapshotBuffer()
        buffer.keep([at(1, 10), at(2, 20)])
        let closed = try AccountStore()
        try closed.close()
        #expect(throws: StorageError.self) {
            try buffer.drain { positions throws(StorageError) in
                buffer.keep([at(1, 11)])
                try closed.save(positions)
            }
        }
        var saved: [StoredPosition] = []
        try buffer.drain { saved += $0 }
        #expect(Set(saved) == [at(1, 11), at(2, 20)])
    }
}
