// SPDX-License-Identifier: Apache-2.0

/// Where monsters come from and what they are called: functions of the configuration alone.
///
/// A monster's number is made of its cause: `first + life × spawn points + spawn point`. It is the same on any number
/// of regions, and never a player's: those are below `first`.
public enum Monsters {
    /// The lowest number of a monster; every number below is a player's.
    public static let first: UInt32 = 1 << 31
    /// The most spawn points of a world.
    public static let most = 1_000_000
    static let name: Name = "monster"

    /// The number of the monster of a spawn point in its first life.
    static func object(ofPoint point: Int) -> UInt32 { first + UInt32(truncatingIfNeeded: point) }

    /// Where a monster stands at the beginning: evenly over the map, by its spawn point alone.
    static func tile(of object: UInt32, _ configuration: WorldConfiguration) -> (x: UInt16, y: UInt16) {
        func coordinate(_ side: Int, _ draw: UInt64) -> UInt16 {
            let value = hash(seed: configuration.seed, tick: 0, thing: UInt64(object), draw: draw)
            return UInt16(truncatingIfNeeded: reduce(value, below: side))
        }
        return (coordinate(configuration.width, Draw.monsterColumn), coordinate(configuration.height, Draw.monsterRow))
    }

    /// Whether the monsters that stand in a sector move in a tick: once a second, each sector in a tick of its own.
    ///
    /// Sector by sector, so that a tick looks only at those that move in it, and what they do is one block.
    static func move(in sector: Sector, tick: UInt64, _ configuration: WorldConfiguration) -> Bool {
        let period = UInt64(max(1_000 / configuration.tickMilliseconds, 1))
        let phase = hash(
            seed: configuration.seed, tick: 0, thing: UInt64(sector.rawValue), draw: Draw.wanderPhase)
        return (tick &+ phase % period) % period == 0
    }

    /// The tile to which a monster wanders, one of the eight around it; nil when that is not on the map.
    static func step(
        of object: UInt32, x: UInt16, y: UInt16, tick: UInt64, _ configuration: WorldConfiguration
    ) -> (x: UInt16, y: UInt16)? {
        let value = hash(seed: configuration.seed, tick: tick, thing: UInt64(object), draw: Draw.wanderWay)
        let way = ways[reduce(value, below: ways.count)]
        let (column, row) = (Int(x) + way.x, Int(y) + way.y)
        guard (0..<configuration.width).contains(column), (0..<configuration.height).contains(row) else { return nil }
        return (UInt16(truncatingIfNeeded: column), UInt16(truncatingIfNeeded: row))
    }

    private static let ways: [(x: Int, y: Int)] = [
        (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1),
    ]
}
