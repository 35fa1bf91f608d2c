// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// A part of the map, owned by one worker: a deterministic step function from commands and a tick to a frame.
///
/// It knows no clock, no socket and no thread. The same configuration and the same commands give the same bytes,
/// however the map is shared out among regions and the sessions among workers, and in whatever order their messages
/// come. A tick is two passes, and a third that takes over what other regions' ticks left:
///
/// ```swift
/// region.decide(tick: tick, commands: batches, into: effects)   // one batch C of every worker
/// let frame = region.apply(allEffects)                          // one batch E of every region
/// region.absorb(allFrames)                                      // one frame F of every region
/// ```
///
/// *Decide* reads only the world as it stood at the end of the last tick and changes nothing but private copies;
/// *apply* writes, in the order (target, class, source, number). No rule reads what the same tick wrote.
///
/// An object belongs to the region of the sector in which it stood at the end of the last tick, and that region tells
/// of it in this one, wherever it goes. Memory grows to what the largest tick needed and is kept.
public struct Region: ~Copyable {
    /// The rules.
    public let configuration: WorldConfiguration
    /// How the map is cut.
    public let grid: SectorGrid
    /// Who owns what.
    public let map: RegionMap
    /// Which of the regions this is.
    public let index: Int
    /// The last tick that was decided.
    public internal(set) var tick: UInt64 = 0

    var entities: EntityTable
    var ring: FrameRing
    var mirror: Mirror
    var phase = Phase.absorbed
    var watchers: Watchers
    /// Monsters that step in the tick that was decided last.
    var monsterSteps = 0
    let rows: Range<Int>
    /// How many rows of sectors beyond its borders it knows of.
    let mirrorRows: Int

    var actors = Column<Actor>(capacity: 1_024)
    var actorOf = IndexTable(capacity: 1_024)
    var answers = Column<Answer>(capacity: 1_024)

    var sources = Column<EffectSource>(capacity: 16)
    var order = Column<EffectKey>(capacity: 2_048)
    var changes = Column<Change>(capacity: 1_024)
    var items = Column<BlockItem>(capacity: 2_048)
    /// Sessions of all regions whose subscription changed in the last tick, by session.
    var views = Column<View>(capacity: 1_024)
    /// Own sessions whose subscription changes in this tick.
    var turned = Column<SubscriptionChange>(capacity: 1_024)
    /// Own entities whose sessions were hushed in this tick, or are no longer.
    var hushed = Column<UInt32>(capacity: 64)
    /// Entities that stand in another region now.
    var departures = Column<UInt32>(capacity: 64)
    /// Sectors whose state this tick changed; in no order, and some more than once.
    var changedSectors = Column<Sector>(capacity: 1_024)
    /// What came in from outside of a view.
    var incomers = Column<Incomer>(capacity: 64)

    var answerScratch = Column<Answer>(capacity: 1_024)
    var orderScratch = Column<EffectKey>(capacity: 2_048)
    var itemScratch = Column<BlockItem>(capacity: 2_048)
    var viewScratch = Column<View>(capacity: 1_024)
    var turnedScratch = Column<SubscriptionChange>(capacity: 1_024)
    var sectorScratch = Column<Sector>(capacity: 1_024)
    var incomerScratch = Column<Incomer>(capacity: 64)
    var endedScratch = Column<UInt64>(capacity: 256)

    /// What has been done of the last tick.
    enum Phase: BitwiseCopyable {
        case decided
        case applied
        case absorbed
    }

    /// Makes an empty region.
    ///
    /// - Parameters:
    ///   - map: who owns what; the whole map is one region if none is given.
    ///   - index: which region this is.
    ///   - workers: how many workers read the frames.
    ///   - capacity: players for which memory is taken at once; more are served by growing.
    public init(
        configuration: WorldConfiguration, map: RegionMap? = nil, index: Int = 0, workers: Int = 1,
        capacity: Int = 32_768
    ) {
        let grid = SectorGrid(configuration)
        let map = map ?? RegionMap(configuration)
        let rows = map.rows(of: index)
        self.configuration = configuration
        self.grid = grid
        self.map = map
        self.index = index
        self.rows = rows
        mirrorRows = (configuration.mirrorDepth + Sector.side - 1) / Sector.side
        // They are spread evenly, and wander; somewhat more than the share of the rows is enough.
        let monsters = configuration.monsters * rows.count / grid.rows
        entities = EntityTable(grid: grid, rows: rows, players: capacity, monsters: monsters + monsters / 16)
        watchers = Watchers(grid: grid, rows: rows)
        mirror = Mirror(grid: grid)
        ring = FrameRing(region: index, workers: workers)
        populate()
    }

    /// Whether a sector is one of this region's.
    public func owns(_ sector: Sector) -> Bool { rows.contains(sector.row) }

    /// How many objects the region owns.
    public var population: Int { entities.count }

    /// Calls `body` with every entity of the region, sector by sector.
    public func forEachEntity(_ body: (Entity) -> Void) {
        for row in rows {
            for column in 0..<grid.columns {
                var slot = entities.first(in: Sector(column: column, row: row))
                while slot != EntityTable.none {
                    body(entities[slot])
                    slot = entities.next(slot)
                }
            }
        }
    }

    /// World time of the current tick in milliseconds.
    var now: UInt64 { tick &* UInt64(configuration.tickMilliseconds) }

    /// The entity that a session plays, at the end of the last tick; nil when it is not in this region.
    public func entity(session: UInt64) -> Entity? {
        let slot = entities.slot(session: session)
        return slot == EntityTable.none ? nil : entities[slot]
    }
}
