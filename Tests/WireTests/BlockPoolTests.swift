// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct BlockPoolTests {
    @Test("a request gets the smallest size that holds it")
    func sizes() {
        var pool = BlockPool()
        for (wanted, size) in [
            (0, 64), (1, 64), (64, 64), (65, 256), (256, 256), (257, 1_024), (1_025, 4_096), (4_097, 16_384),
            (16_385, 65_536), (65_536, 65_536), (65_537, 69_632), (1 << 20, 1 << 20),
        ] {
            let block = pool.take(atLeast: wanted)
            #expect(block.count == size)
            #expect(UInt(bitPattern: block.baseAddress) % 64 == 0)
            #expect(pool.bytesInUse == size)
            pool.giveBack(block)
            #expect(pool.bytesInUse == 0)
        }
    }

    @Test(
        "a block given back is taken again, last in first out, without the heap",
        .enabled(if: BlockPool.keepsIdleBlocks))
    func reuse() {
        var pool = BlockPool()
        let first = pool.take(atLeast: 100)
        let second = pool.take(atLeast: 200)
        #expect(pool.heapAllocations == 2)
        pool.giveBack(first)
        pool.giveBack(second)
        #expect(pool.take(atLeast: 256).baseAddress == second.baseAddress)
        #expect(pool.take(atLeast: 65).baseAddress == first.baseAddress)
        #expect(pool.heapAllocations == 2)
        pool.giveBack(first)
        pool.giveBack(second)
    }

    @Test(
        "in steady state nothing comes from the heap, and no two takers share a byte",
        .enabled(if: BlockPool.keepsIdleBlocks))
    func steadyState() {
        var pool = BlockPool()
        var dice = Dice(seed: 1)
        var held: [(block: UnsafeMutableRawBufferPointer, mark: UInt8)] = []
        var allocations = 0
        for round in 0..<20_000 {
            if held.count < 50, dice.chance(55) {
                let block = pool.take(atLeast: dice.below(20_000))
                let mark = UInt8(truncatingIfNeeded: round)
                block.initializeMemory(as: UInt8.self, repeating: mark)
                held.append((block, mark))
            } else if !held.isEmpty {
                let (block, mark) = held.remove(at: dice.below(held.count))
                #expect(block.first == mark && block.last == mark)
                pool.giveBack(block)
            }
            #expect(pool.bytesInUse == held.reduce(0) { $0 + $1.block.count })
            if round == 10_000 { allocations = pool.heapAllocations }
        }
        #expect(pool.heapAllocations - allocations < 20)
        for (block, _) in held { pool.giveBack(block) }
        #expect(pool.bytesInUse == 0)
    }

    @Test("idle blocks above the limit return to the heap", .enabled(if: BlockPool.keepsIdleBlocks))
    func idleLimit() {
        var pool = BlockPool(idleLimit: 2 * 4_096)
        let blocks = (0..<3).map { _ in pool.take(atLeast: 4_096) }
        for block in blocks { pool.giveBack(block) }
        #expect(pool.bytesInUse == 0)
        let again = (0..<3).map { _ in pool.take(atLeast: 4_096) }
        #expect(pool.heapAllocations == 4)
        for block in again { pool.giveBack(block) }
    }
}
