// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Sessions whose output did not fit into a turn's slice of the flush, in the order in which it goes out (rule M16).
///
/// There are two rows: of sessions that have something of their own, such as an answer, and of those that only get what
/// others get too. A slice takes from the first, but leaves a quarter of itself to the second as long as somebody
/// stands there, so that nobody waits for ever.
///
/// A session that is moved up stands in both rows, and one that has been flushed meanwhile still stands in one: whoever
/// takes a slot looks whether there is anything to do.
struct FlushQueue: ~Copyable {
    /// A place in both rows.
    struct Mark {
        fileprivate var urgent: UInt64 = 0
        fileprivate var others: UInt64 = 0
    }

    var urgent = SlotRow()
    var others = SlotRow()

    var isEmpty: Bool { urgent.isEmpty && others.isEmpty }

    /// The ends of the rows.
    var end: Mark { Mark(urgent: urgent.appended, others: others.appended) }

    /// Whether all who stood before a mark have been taken.
    func hasPassed(_ mark: Mark) -> Bool { urgent.taken >= mark.urgent && others.taken >= mark.others }
}

/// A row of slots, first in first out. Its memory grows to the longest row and is kept.
struct SlotRow: ~Copyable {
    private var slots = Column<Int32>()
    private var head = 0
    /// How many have ever been taken.
    private(set) var taken: UInt64 = 0

    var isEmpty: Bool { head == slots.count }

    /// How many have ever been appended.
    var appended: UInt64 { taken &+ UInt64(slots.count &- head) }

    mutating func append(_ slot: Int32) {
        if head > 4_096, head &* 2 > slots.count {
            slots.removeFirst(head)
            head = 0
        }
        slots.append(slot)
    }

    mutating func next() -> Int? {
        guard head < slots.count else { return nil }
        let slot = Int(slots[head])
        head &+= 1
        taken &+= 1
        if head == slots.count {
            slots.removeAll()
            head = 0
        }
        return slot
    }
}
