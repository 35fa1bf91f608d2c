// SPDX-License-Identifier: Apache-2.0

/// A rectangle of sectors, or nothing: what a session is subscribed to.
public struct SectorArea: Hashable, Sendable, BitwiseCopyable {
    /// The westernmost column.
    public let left: UInt16
    /// The northernmost row.
    public let top: UInt16
    /// The easternmost column, inclusive.
    public let right: UInt16
    /// The southernmost row, inclusive.
    public let bottom: UInt16

    /// No sector at all.
    public static let empty = SectorArea(left: 1, top: 1, right: 0, bottom: 0)

    /// Whether there is no sector.
    public var isEmpty: Bool { left > right }

    /// Whether `sector` is one of them; `Sector.none` never is.
    public func contains(_ sector: Sector) -> Bool {
        let column = sector.column
        let row = sector.row
        return column >= Int(left) && column <= Int(right) && row >= Int(top) && row <= Int(bottom)
    }

    /// All four numbers in one, as a key.
    var packed: UInt64 {
        UInt64(left) << 48 | UInt64(top) << 32 | UInt64(right) << 16 | UInt64(bottom)
    }

    /// The rows, from north to south.
    var rows: Range<Int> { isEmpty ? 0..<0 : Int(top)..<(Int(bottom) + 1) }
    /// The columns, from west to east.
    var columns: Range<Int> { isEmpty ? 0..<0 : Int(left)..<(Int(right) + 1) }
}
