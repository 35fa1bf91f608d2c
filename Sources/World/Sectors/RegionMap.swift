// SPDX-License-Identifier: Apache-2.0

/// How the map is shared out among regions: strips of whole rows of sectors, as even as whole rows allow.
///
/// Rows, because sectors are ordered row by row: what the regions say, one region after the other, is in the order of
/// the sectors, and so the same on any number of regions.
public struct RegionMap: Hashable, Sendable, BitwiseCopyable {
    /// The fewest rows of sectors of a region, unless the whole map has fewer.
    public static let leastRows = 4

    /// How many regions there are.
    public let count: Int
    private let rows: Int

    /// The most regions that a map can be shared out among.
    public static func most(_ configuration: WorldConfiguration) -> Int {
        max(SectorGrid(configuration).rows / leastRows, 1)
    }

    /// Shares out a map among `wanted` regions, or as many as it is large enough for; at least one.
    public init(_ configuration: WorldConfiguration, regions wanted: Int = 1) {
        rows = SectorGrid(configuration).rows
        count = min(max(wanted, 1), Self.most(configuration))
    }

    /// The rows of sectors that a region owns.
    ///
    /// - Precondition: `region` is one of `0..<count`.
    public func rows(of region: Int) -> Range<Int> {
        precondition((0..<count).contains(region), "there is no such region")
        return region * rows / count..<(region + 1) * rows / count
    }

    /// Who owns a sector.
    public func region(of sector: Sector) -> Int { ((sector.row + 1) * count - 1) / rows }

    /// Who owns a tile.
    public func region(x: UInt16, y: UInt16) -> Int {
        region(of: Sector(column: Int(x) / Sector.side, row: Int(y) / Sector.side))
    }
}
