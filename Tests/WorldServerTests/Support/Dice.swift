// SPDX-License-Identifier: Apache-2.0

import World

/// Repeatable random numbers.
struct Dice: RandomNumberGenerator {
    private let seed: UInt64
    private var draw: UInt64 = 0

    init(seed: UInt64) { self.seed = seed }

    mutating func next() -> UInt64 {
        draw += 1
        return hash(seed: seed, tick: 0, thing: 0, draw: draw)
    }

    mutating func below(_ bound: Int) -> Int { reduce(next(), below: bound) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}
