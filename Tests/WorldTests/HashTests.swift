// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct HashTests {
    @Test("the hash is the one that its documentation specifies, computed elsewhere")
    func vectors() {
        #expect(hash(seed: 0, tick: 0, thing: 0, draw: 0) == 0x2130_748A_AAC8_0268)
        #expect(hash(seed: 1, tick: 2, thing: 3, draw: 4) == 0xD55C_CD4A_EB3C_CAFB)
        #expect(hash(seed: .max, tick: .max, thing: .max, draw: .max) == 0x9C66_6618_C8F2_79D7)
        let value = hash(seed: 0x0123_4567, tick: 50, thing: 7, draw: 1)
        #expect(value == 0xC77D_9783_4E02_7621)
        #expect(reduce(value, below: 2_000) == 1_558)
    }

    @Test("a reduced hash is below its bound, for every bound")
    func reduced() {
        for bound in [1, 2, 7, 2_000, Int.max] {
            for draw in 0..<100 {
                let value = reduce(hash(seed: 1, tick: 2, thing: 3, draw: UInt64(draw)), below: bound)
                #expect(value >= 0 && value < bound)
            }
        }
        #expect(reduce(.max, below: 0) == 0)
        #expect(reduce(.max, below: -5) == 0)
    }
}
