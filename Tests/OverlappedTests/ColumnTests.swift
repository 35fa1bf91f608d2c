// SPDX-License-Identifier: Apache-2.0

import Platform
import Testing

@_spi(Measuring) @testable import Overlapped

/// The rows that ports and workers keep: they grow, keep their order, and are empty again at once.
struct ColumnTests {
    @Test("a column grows and keeps what it has", arguments: [1, 2, 7, 1_024])
    func growing(capacity: Int) {
        var column = Column<Int32>(capacity: capacity)
        #expect(Array(column.view).isEmpty)
        for round in Int32(0)..<3 {
            let values = (Int32(0)..<3_000).map { $0 &* 7 &+ round }
            for value in values { column.append(value) }
            #expect(Array(column.view) == values)
            column.removeAll()
            #expect(Array(column.view).isEmpty)
        }
    }

    @Test("values are taken from either end, the others keep their order")
    func ends() {
        var column = Column<Int>(capacity: 1)
        var others = Column<Int>(capacity: 1)
        for value in 0..<10 { column.append(value) }
        for value in 10..<13 { others.append(value) }
        column.append(contentsOf: others)
        column.removeFirst(4)
        column.removeLast(2)
        #expect(Array(column.view) == [4, 5, 6, 7, 8, 9, 10])
        #expect(column.popLast() == 10)
        column.removeFirst(0)
        column.removeFirst(6)
        #expect(column.popLast() == nil)
    }

    @Test("pending completions come in order, and those put first before all that wait")
    func pending() {
        var pending = PendingCompletions()
        func completion(_ number: Int) -> Completion { Completion(.closed, CompletionKey(slot: number, generation: 1)) }
        func first(_ completions: [Int]) {
            var column = Column<Completion>()
            for number in completions { column.append(completion(number)) }
            pending.putFirst(column)
        }
        first([7, 8])
        pending.append(completion(9))
        var order = [pending.popFirst()?.key.slot]
        first([1, 2])
        while let next = pending.popFirst() { order.append(next.key.slot) }
        #expect(order == [7, 1, 2, 8, 9])
        let isEmpty = pending.isEmpty
        #expect(isEmpty)
    }
}
