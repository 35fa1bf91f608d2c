// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Gori

/// A turn's list of slots: grows, keeps its order, and is empty again at once.
@Suite struct SlotListTests {
    @Test("a list grows and keeps what it has", arguments: [1, 2, 7, 1_024])
    func growing(capacity: Int) {
        var list = SlotList(capacity: capacity)
        let isEmpty = list.isEmpty
        #expect(isEmpty)
        for round in 0..<3 {
            for slot in 0..<3_000 { list.append(slot &* 7 &+ round) }
            let count = list.count
            #expect(count == 3_000)
            for slot in 0..<3_000 where list[slot] != slot &* 7 &+ round { Issue.record("slot \(slot): \(list[slot])") }
            list.removeAll()
            let isEmpty = list.isEmpty
            #expect(isEmpty)
        }
    }
}
