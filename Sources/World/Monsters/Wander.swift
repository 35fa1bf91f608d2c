// SPDX-License-Identifier: Apache-2.0

/// Monsters in a region: put there at the beginning, asleep where nobody looks, wandering where somebody does.
extension Region {
    /// Puts the monsters of this region's part of the map where they begin.
    mutating func populate() {
        for point in 0..<configuration.monsters {
            let object = Monsters.object(ofPoint: point)
            let (x, y) = Monsters.tile(of: object, configuration)
            let sector = grid.sector(x: x, y: y)
            guard owns(sector) else { continue }
            let entity = Entity(
                object: object, kind: .monster, x: x, y: y, session: 0, character: UInt64(point), nextMove: 0,
                subscription: .empty, arrived: 0, name: Monsters.name)
            entities.link(entities.insert(entity), to: sector)
        }
    }

    /// Decides for the monsters that are awake and due, on the world as the last tick left it.
    ///
    /// - Returns: how many step.
    mutating func wander(into effects: [EffectBatch]) -> Int {
        guard configuration.monsters > 0, watchers.total > 0 else { return 0 }
        var steps = 0
        for row in rows {
            for column in 0..<grid.columns {
                let sector = Sector(column: column, row: row)
                guard watchers.isWatched(sector), Monsters.move(in: sector, tick: tick, configuration) else { continue }
                steps += wander(in: sector, into: effects)
            }
        }
        return steps
    }

    private func wander(in sector: Sector, into effects: [EffectBatch]) -> Int {
        var steps = 0
        var slot = entities.first(in: sector)
        while slot != EntityTable.none {
            let entity = entities[slot]
            slot = entities.next(slot)
            guard entity.kind == .monster,
                let tile = Monsters.step(of: entity.object, x: entity.x, y: entity.y, tick: tick, configuration)
            else { continue }
            effects[index].append(
                Effect(
                    target: entity.object, source: UInt64(entity.object), number: 0,
                    what: .step(x: tile.x, y: tile.y, nextMove: 0)))
            steps += 1
        }
        return steps
    }

    /// Who looks where, from what all regions said of subscriptions.
    mutating func watch(_ frame: Frame) {
        guard configuration.monsters > 0 else { return }
        for change in frame.subscriptions {
            watchers.end(change.before)
            watchers.begin(change.area)
        }
        for area in frame.released { watchers.end(area) }
    }
}
