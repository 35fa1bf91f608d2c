// SPDX-License-Identifier: Apache-2.0

/// Repeatable random numbers (SplitMix64): everything that a simulation leaves to chance is drawn here, in one order.
public struct Dice: Sendable {
    private var state: UInt64

    /// The same seed gives the same numbers.
    public init(seed: UInt64) { state = seed }

    /// 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// 0 up to `limit - 1`; 0 when `limit` is not above 1.
    public mutating func below(_ limit: Int) -> Int {
        guard limit > 1 else { return 0 }
        return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(limit)).high)
    }

    /// One of a closed range.
    public mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.upperBound - range.lowerBound + 1)
    }

    /// True so often in a thousand.
    public mutating func chance(_ perThousand: Int) -> Bool { perThousand > 0 && below(1_000) < perThousand }

    /// One of some values.
    public mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }
}
