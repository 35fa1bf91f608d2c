// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// The end of a tick: what the frames of all regions mean for this one.
extension Region {
    /// Takes over the entities that crossed into this region, the neighbours' strips as they stand now, and the
    /// subscriptions that changed anywhere, whose views this region has its part in.
    ///
    /// - Parameter frames: one of every region, its own included, of the tick that was applied last, in any order.
    public mutating func absorb(_ frames: [Frame]) {
        precondition(phase == .applied, "a tick is absorbed once, after it was applied")
        precondition(frames.count == map.count, "one frame of every region")
        phase = .absorbed
        views.removeAll()
        mirror.removeAll()
        for frame in frames {
            precondition(frame.tick == tick, "the frame of another tick")
            for change in frame.subscriptions {
                views.append(
                    View(session: change.session, object: change.object, before: change.before, after: change.area))
            }
            for entity in frame.crossings {
                if owns(grid.sector(x: entity.x, y: entity.y)) { arrive(entity) } else { reflect(entity) }
            }
            watch(frame)
            guard frame.region != index else { continue }
            for entity in frame.mirror { reflect(entity) }
        }
        views.sort(scratch: &viewScratch) { $0.session < $1.session }
        mirror.sort()
    }

    private mutating func arrive(_ entity: Entity) {
        let sector = grid.sector(x: entity.x, y: entity.y)
        entities.link(entities.insert(entity), to: sector)
        changedSectors.append(sector)
    }

    private mutating func reflect(_ entity: Entity) {
        let row = Int(entity.y) / Sector.side
        guard row >= rows.lowerBound - mirrorRows, row < rows.upperBound + mirrorRows else { return }
        mirror.append(entity)
    }

    /// Writes what leaves this region with the tick, after everybody has been told of it.
    mutating func handOver(into content: inout FrameContent) {
        for index in 0..<departures.count {
            content.crossings.append(entities[departures[index]])
            entities.remove(departures[index])
        }
        guard map.count > 1 else { return }
        for row in rows where isNearBorder(row) {
            for column in 0..<grid.columns {
                var slot = entities.first(in: Sector(column: column, row: row))
                while slot != EntityTable.none {
                    content.mirror.append(entities[slot])
                    slot = entities.next(slot)
                }
            }
        }
    }

    private func isNearBorder(_ row: Int) -> Bool {
        (rows.lowerBound > 0 && row < rows.lowerBound + mirrorRows)
            || (rows.upperBound < grid.rows && row >= rows.upperBound - mirrorRows)
    }
}
