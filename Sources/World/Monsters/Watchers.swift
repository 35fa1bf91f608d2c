// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// How many sessions are subscribed to each sector of a region: where nobody is, everything sleeps.
struct Watchers: ~Copyable {
    private let grid: SectorGrid
    private let rows: Range<Int>
    private var counts: Column<UInt32>
    /// Subscriptions that reach into the region.
    private(set) var total = 0

    init(grid: SectorGrid, rows: Range<Int>) {
        self.grid = grid
        self.rows = rows
        counts = Column(repeating: 0, count: rows.count * grid.columns)
    }

    func isWatched(_ sector: Sector) -> Bool { counts[index(sector)] > 0 }

    /// A session's subscription begins.
    mutating func begin(_ area: SectorArea) { change(area, by: 1) }

    /// A session's subscription ends.
    mutating func end(_ area: SectorArea) { change(area, by: -1) }

    private mutating func change(_ area: SectorArea, by difference: Int) {
        let own = area.rows.clamped(to: rows)
        guard !own.isEmpty else { return }
        total += difference
        for row in own {
            for column in area.columns {
                let place = index(Sector(column: column, row: row))
                counts[place] = UInt32(Int(counts[place]) + difference)
            }
        }
    }

    private func index(_ sector: Sector) -> Int { grid.index(sector) - rows.lowerBound * grid.columns }
}
