// SPDX-License-Identifier: Apache-2.0

/// What rules may read of the world: a region's own objects and the mirrored ones, as the last tick left them.
extension Region {
    /// Calls `body` with every object within `reach` tiles of a tile of this region, sector by sector.
    ///
    /// The code is the same whether an object is the region's own or a neighbour's, and so is the order.
    ///
    /// - Precondition: the tile is one of this region's, and `reach` at most `WorldConfiguration.mirrorDepth`: what is
    ///   further away may be unknown here, and a rule that asked for it would depend on how the map is shared out.
    ///   Neither may depend on what a client says; a rule that acts where a player says checks that first.
    public func forEachObject(within reach: Int, x: UInt16, y: UInt16, _ body: (Entity) -> Void) {
        precondition(reach >= 0 && reach <= configuration.mirrorDepth, "a look-up beyond the mirrored strip")
        precondition(owns(grid.sector(x: x, y: y)), "a look-up around a tile of another region")
        let west = max(Int(x) - reach, 0)
        let east = min(Int(x) + reach, configuration.width - 1)
        let north = max(Int(y) - reach, 0)
        let south = min(Int(y) + reach, configuration.height - 1)
        for row in north / Sector.side...south / Sector.side {
            for column in west / Sector.side...east / Sector.side {
                forEachObject(in: Sector(column: column, row: row)) { entity in
                    let isWithin =
                        (west...east).contains(Int(entity.x)) && (north...south).contains(Int(entity.y))
                    if isWithin { body(entity) }
                }
            }
        }
    }

    private func forEachObject(in sector: Sector, _ body: (Entity) -> Void) {
        guard owns(sector) else { return mirror.forEach(in: sector, body) }
        var slot = entities.first(in: sector)
        while slot != EntityTable.none {
            body(entities[slot])
            slot = entities.next(slot)
        }
    }
}
