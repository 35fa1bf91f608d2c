// SPDX-License-Identifier: Apache-2.0

/// Repeatable random numbers in eight bytes of state: the same seed gives the same load on every machine.
///
/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (OOPSLA 2014).
public struct SplitMix64: RandomNumberGenerator, Sendable, BitwiseCopyable {
    private var state: UInt64

    /// Starts a sequence. Seeds that differ in one bit give unrelated sequences.
    public init(seed: UInt64) { state = seed }

    /// A sequence of its own for member `index` of a run.
    public init(seed: UInt64, index: Int) {
        var parent = SplitMix64(seed: seed &+ UInt64(truncatingIfNeeded: index) &* 0xD1B5_4A32_D192_ED03)
        state = parent.next()
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The next number in `0..<bound`; 0 when `bound` is below 1.
    public mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(max(bound, 1))).high)
    }
}

extension SplitMix64 {
    /// The first number of a sequence.
    public static func first(of seed: some BinaryInteger) -> UInt64 {
        var sequence = SplitMix64(seed: UInt64(truncatingIfNeeded: seed))
        return sequence.next()
    }
}
