// SPDX-License-Identifier: Apache-2.0

import Platform
import Testing
import World

@Suite struct StorageTests {
    @Test("an index table finds what a dictionary finds, after any sequence of sets and removals")
    func indexTable() {
        var dice = Dice(seed: 8)
        for capacity in [0, 4, 100] {
            var table = IndexTable(capacity: capacity)
            var model: [UInt64: UInt32] = [:]
            for round in 0..<20_000 {
                let key = UInt64(dice.below(200)) &* (dice.chance(50) ? 1 : 0x1_0000_0000)
                if dice.chance(55) {
                    table.set(key, to: UInt32(round))
                    model[key] = UInt32(round)
                } else {
                    table.remove(key)
                    model[key] = nil
                }
                let probe = UInt64(dice.below(200))
                #expect(table[probe] == model[probe] ?? IndexTable.none)
                #expect(table[key] == model[key] ?? IndexTable.none)
            }
            #expect(table.count == model.count)
            for (key, index) in model { #expect(table[key] == index) }
        }
    }

    @Test("sorting is the library's, and keeps the order of equals")
    func sorting() {
        var dice = Dice(seed: 9)
        var column = Column<UInt64>(capacity: 1)
        var scratch = Column<UInt64>(capacity: 1)
        for count in [0, 1, 2, 15, 16, 17, 31, 33, 64, 100, 1_000, 4_097] {
            for range in [1, 3, 1_000_000] {
                column.removeAll()
                let values = (0..<count).map { UInt64(dice.below(range)) << 32 | UInt64($0) }
                for value in values { column.append(value) }
                column.sort(scratch: &scratch) { $0 >> 32 < $1 >> 32 }
                #expect(Array(column.view) == values.sorted())
            }
        }
    }

    @Test("a lower bound is the first that is not before")
    func lowerBound() {
        var column = Column<Int>(capacity: 1)
        for value in [1, 3, 3, 3, 8] { column.append(value) }
        for (value, index) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 4), (8, 4), (9, 5)] {
            #expect(column.view.lowerBound { $0 < value } == index)
        }
    }

    @Test("a subscript outside of a column ends the program, in release too")
    func bounds() async {
        await #expect(processExitsWith: .failure) {
            let column = Column(repeating: 1, count: 3)
            _ = column[Int(CommandLine.argc) + 100]
        }
    }
}
