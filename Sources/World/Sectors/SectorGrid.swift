// SPDX-License-Identifier: Apache-2.0

/// How a map is cut into sectors.
public struct SectorGrid: Hashable, Sendable, BitwiseCopyable {
    /// Sectors from west to east.
    public let columns: Int
    /// Sectors from north to south.
    public let rows: Int
    private let width: Int
    private let height: Int
    private let radius: Int

    /// Cuts the map of `configuration`.
    public init(_ configuration: WorldConfiguration) {
        width = configuration.width
        height = configuration.height
        radius = configuration.subscriptionRadius
        columns = (width + Sector.side - 1) / Sector.side
        rows = (height + Sector.side - 1) / Sector.side
    }

    /// How many sectors there are.
    public var count: Int { columns * rows }

    /// The most sectors that a subscription can have.
    var largestArea: Int {
        let side = (2 * radius + 1 - 2) / Sector.side + 2
        return min(side, columns) * min(side, rows)
    }

    /// The sector of a tile.
    public func sector(x: UInt16, y: UInt16) -> Sector {
        Sector(column: Int(x) / Sector.side, row: Int(y) / Sector.side)
    }

    /// All sectors that touch the view around a tile, widened by one step.
    public func area(x: UInt16, y: UInt16) -> SectorArea {
        SectorArea(
            left: UInt16(truncatingIfNeeded: max(Int(x) - radius, 0) / Sector.side),
            top: UInt16(truncatingIfNeeded: max(Int(y) - radius, 0) / Sector.side),
            right: UInt16(truncatingIfNeeded: min(Int(x) + radius, width - 1) / Sector.side),
            bottom: UInt16(truncatingIfNeeded: min(Int(y) + radius, height - 1) / Sector.side))
    }

    /// Where a sector stands in a table of all sectors, row by row.
    public func index(_ sector: Sector) -> Int { sector.row * columns + sector.column }
}
