// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// What a region knows of its neighbours' objects near its borders, as they stood at the end of the last tick.
///
/// Made anew in every tick from the neighbours' frames, in the order of an entity table: by sector, then by arrival.
struct Mirror: ~Copyable {
    struct Entry: BitwiseCopyable {
        let sector: Sector
        let entity: Entity
    }

    private let grid: SectorGrid
    private var entries = Column<Entry>(capacity: 256)
    private var scratch = Column<Entry>(capacity: 256)

    init(grid: SectorGrid) { self.grid = grid }

    var count: Int { entries.count }

    mutating func removeAll() { entries.removeAll() }

    mutating func append(_ entity: Entity) {
        entries.append(Entry(sector: grid.sector(x: entity.x, y: entity.y), entity: entity))
    }

    /// Puts what was appended into its order.
    mutating func sort() {
        entries.sort(scratch: &scratch) {
            ($0.sector.rawValue, $0.entity.arrived, $0.entity.object)
                < ($1.sector.rawValue, $1.entity.arrived, $1.entity.object)
        }
    }

    func forEach(in sector: Sector, _ body: (Entity) -> Void) {
        var index = entries.view.lowerBound { $0.sector < sector }
        while index < entries.count, entries[index].sector == sector {
            body(entries[index].entity)
            index += 1
        }
    }
}
