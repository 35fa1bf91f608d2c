// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Overlapped

@Suite struct CompletionKeyTests {
    @Test("slot and generation come back, whatever the operation")
    func roundTrip() {
        var dice = Dice(seed: 1)
        for _ in 0..<1_000 {
            let slot = dice.below(CompletionKey.slotLimit)
            let generation = UInt32(truncatingIfNeeded: dice.next())
            let key = CompletionKey(slot: slot, generation: generation)
            #expect(key.slot == slot)
            #expect(key.generation == generation)
            #expect(CompletionKey(userData: key.rawValue | dice.next() & 0xFF) == key)
        }
        let last = CompletionKey(slot: CompletionKey.slotLimit - 1, generation: .max)
        #expect(last.rawValue == 0xFFFF_FFFF_FFFF_FF00)
    }

    @Test("a list in the arena does not move or change while others are made")
    func arena() {
        var arena = PartArena()
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
        defer { memory.deallocate() }
        for _ in 0..<3 {
            var lists: [(UnsafeMutablePointer<IOVector>, Int)] = []
            for count in 1...64 {
                for _ in 0..<20 {
                    let parts = (0..<count).map {
                        IOVector(base: UnsafeRawPointer(memory.baseAddress), count: $0 + count)
                    }
                    let list = parts.withUnsafeBufferPointer { arena.copy($0) }
                    lists.append((UnsafeMutableRawPointer(list).assumingMemoryBound(to: IOVector.self), count))
                }
            }
            for (list, count) in lists {
                for index in 0..<count where list[index].count != index + count { Issue.record("a list has changed") }
            }
            arena.reset()
        }
    }
}
