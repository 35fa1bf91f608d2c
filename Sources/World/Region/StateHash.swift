// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// What runs are compared by: numbers for states.
extension Region {
    /// A number for the state of one sector: equal states have equal numbers, on any number of regions.
    public func stateHash(of sector: Sector) -> UInt64 {
        var value = mix(UInt64(sector.rawValue) &+ goldenGamma)
        var slot = entities.first(in: sector)
        while slot != EntityTable.none {
            let entity = entities[slot]
            value = mix(value ^ UInt64(entity.object))
            value = mix(value ^ (UInt64(entity.x) << 16 | UInt64(entity.y)))
            value = mix(value ^ entity.session)
            value = mix(value ^ entity.character)
            value = mix(value ^ entity.nextMove)
            // Empty while it is hushed, and only then.
            value = mix(value ^ entity.subscription.packed)
            value = mix(value ^ entity.arrived)
            value = entity.name.withBytes { digest($0, onto: value) }
            slot = entities.next(slot)
        }
        return value
    }

    /// Calls `body` with every sector whose state the last tick changed, in their order, and with its new number.
    ///
    /// After a tick was absorbed: then region after region is the order of the sectors of the whole map.
    public mutating func forEachChangedSector(_ body: (Sector, UInt64) -> Void) {
        changedSectors.sort(scratch: &sectorScratch, by: <)
        for index in 0..<changedSectors.count {
            let sector = changedSectors[index]
            if index > 0, changedSectors[index - 1] == sector { continue }
            body(sector, stateHash(of: sector))
        }
    }

    /// A number for the state of the whole region at the end of the last tick.
    ///
    /// - Complexity: O(sectors + objects).
    public var stateHash: UInt64 {
        var value = mix(tick &+ goldenGamma)
        for row in rows {
            for column in 0..<grid.columns {
                let sector = Sector(column: column, row: row)
                if entities.first(in: sector) != EntityTable.none { value = mix(value ^ stateHash(of: sector)) }
            }
        }
        return value
    }
}

extension Frame {
    /// A number for all that the frame says: two runs of one log give the same in every tick.
    public var digest: UInt64 {
        var value = mix(tick &+ goldenGamma)
        for block in blocks {
            value = mix(value ^ block.key)
            value = World.digest(bytes(of: block).bytes, onto: value)
        }
        for section in privates {
            value = mix(value ^ section.session)
            value = mix(value ^ UInt64(section.part.rawValue))
            value = World.digest(bytes(of: section).bytes, onto: value)
        }
        for change in subscriptions {
            value = mix(value ^ change.session)
            value = mix(value ^ change.area.packed)
        }
        for session in ended { value = mix(value ^ session) }
        for place in places {
            value = mix(value ^ place.session)
            value = mix(value ^ (UInt64(place.tile.x) << 16 | UInt64(place.tile.y)))
        }
        return value
    }
}

/// Folds bytes into a number; the length counts.
func digest(_ bytes: RawSpan, onto start: UInt64) -> UInt64 {
    var value = mix(start ^ UInt64(truncatingIfNeeded: bytes.byteCount))
    for index in 0..<bytes.byteCount {
        value = (value ^ UInt64(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))) &* 0x0000_0100_0000_01B3
    }
    return mix(value)
}
