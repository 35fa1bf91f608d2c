// SPDX-License-Identifier: Apache-2.0

/// A square of 8 × 8 tiles, by its column and row. Sectors are ordered row by row.
public struct Sector: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Tiles along a side.
    public static let side = 8
    /// Bits of a column or a row: 65,536 tiles are 8,192 sectors.
    static let coordinateBits: UInt32 = 13
    /// No sector: where an object was before it came into the world, and after it left.
    public static let none = Sector(rawValue: 1 << (2 * coordinateBits))

    /// Row and column in one number, in the order of the sectors.
    public let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    init(column: Int, row: Int) {
        rawValue = UInt32(truncatingIfNeeded: row) << Self.coordinateBits | UInt32(truncatingIfNeeded: column)
    }

    /// From west to east.
    public var column: Int { Int(rawValue & (1 << Self.coordinateBits - 1)) }
    /// From north to south.
    public var row: Int { Int(rawValue >> Self.coordinateBits) }

    /// Row by row.
    public static func < (left: Sector, right: Sector) -> Bool { left.rawValue < right.rawValue }
}
