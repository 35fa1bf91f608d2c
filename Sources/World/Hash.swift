// SPDX-License-Identifier: Apache-2.0

/// The world's only source of chance: the same four numbers give the same value on every machine and in every replay.
///
/// Specified, because it is part of what a log means. With all arithmetic modulo 2⁶⁴ and γ = 0x9E3779B97F4A7C15:
///
/// ```
/// mix(z): z = (z ^ (z >> 30)) × 0xBF58476D1CE4E5B9        (the finaliser of SplitMix64)
///         z = (z ^ (z >> 27)) × 0x94D049BB133111EB
///         z ^ (z >> 31)
/// hash  : h = mix(seed + γ)
///         h = mix((h ^ tick) + γ)
///         h = mix((h ^ thing) + γ)
///         h = mix((h ^ draw) + γ)
/// ```
///
/// - Parameters:
///   - seed: of the run.
///   - tick: in which the draw is made; 0 where the outcome must not depend on the tick.
///   - thing: the object, tile or item that the draw is about.
///   - draw: which draw of that thing in that tick, so that two draws never share a value.
@inlinable
public func hash(seed: UInt64, tick: UInt64, thing: UInt64, draw: UInt64) -> UInt64 {
    var value = mix(seed &+ goldenGamma)
    value = mix((value ^ tick) &+ goldenGamma)
    value = mix((value ^ thing) &+ goldenGamma)
    return mix((value ^ draw) &+ goldenGamma)
}

/// Reduces a hash to `0..<bound`: the upper half of the 128-bit product, so no division and the same everywhere.
///
/// The bias is below `bound` / 2⁶⁴.
@inlinable
public func reduce(_ hash: UInt64, below bound: Int) -> Int {
    let limit = UInt64(truncatingIfNeeded: max(bound, 1))
    return Int(truncatingIfNeeded: hash.multipliedFullWidth(by: limit).high)
}

/// The numbers of the draws that the world makes, in one list so that no two are the same.
enum Draw {
    static let spawnColumn: UInt64 = 1
    static let spawnRow: UInt64 = 2
    static let monsterColumn: UInt64 = 3
    static let monsterRow: UInt64 = 4
    static let wanderPhase: UInt64 = 5
    static let wanderWay: UInt64 = 6
}

@usableFromInline let goldenGamma: UInt64 = 0x9E37_79B9_7F4A_7C15

@inlinable
func mix(_ value: UInt64) -> UInt64 {
    var mixed = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
}
