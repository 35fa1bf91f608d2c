// SPDX-License-Identifier: Apache-2.0

import Load
import Testing

@testable import Bots

/// The compact tables of a bot against the obvious ones.
@Suite("Bot tables")
struct TableTests {
    @Test("Any operations say what a Dictionary says", arguments: [1, 2, 3])
    func objects(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var table = ObjectTable()
        defer { table.release() }
        var truth: [UInt32: Int] = [:]
        for _ in 0..<100_000 {
            // Few different objects, so that each is added and removed often and runs of the table meet.
            let object = seed == 3 ? UInt32.max - UInt32(random.below(40)) : UInt32(random.below(40)) * 128
            let x = UInt16(random.below(2_000))
            let y = UInt16(random.below(2_000))
            switch random.below(3) {
            case 0:
                let isNew = table.insert(object, x: x, y: y)
                #expect(isNew == (truth[object] == nil))
                truth[object] = Int(x) << 16 | Int(y)
            case 1:
                let old = table.move(object, x: x, y: y)
                #expect(old.map { Int($0.x) << 16 | Int($0.y) } == truth[object])
                if truth[object] != nil { truth[object] = Int(x) << 16 | Int(y) }
            default:
                let wasKnown = table.remove(object)
                #expect(wasKnown == (truth.removeValue(forKey: object) != nil))
            }
            #expect(table.contains(object) == (truth[object] != nil))
            #expect(Int(table.count) == truth.count)
        }
    }

    @Test("The object and the position that look most like an empty place") func extremes() {
        var table = ObjectTable()
        defer { table.release() }
        #expect(!table.contains(.max))
        let inserted = [
            table.insert(.max, x: .max, y: .max), table.insert(.max, x: .max, y: .max), table.insert(0, x: 0, y: 0),
        ]
        #expect(inserted == [true, false, true])
        let removed = [table.remove(.max), table.remove(.max)]
        #expect(removed == [true, false])
        #expect(table.contains(0))
    }

    @Test func moves() {
        var pending = PendingMoves()
        defer { pending.release() }
        let nothing = pending.takeFirst()
        #expect(nothing?.x == nil)
        var next: UInt16 = 0
        var expected: UInt16 = 0
        for round in 0..<40 {
            for _ in 0..<(round % 7 + 1) {
                pending.append(x: next, y: next &+ 1)
                next += 1
            }
            for _ in 0..<(round % 5) {
                let first = pending.takeFirst()
                #expect(first?.x == expected && first?.y == expected &+ 1)
                expected += 1
            }
        }
        #expect(Int(pending.count) == Int(next - expected))
    }
}
