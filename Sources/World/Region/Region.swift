// SPDX-License-Identifier: Apache-2.0

/// A part of the map, owned by one worker: a deterministic step function from commands and a tick to a frame.
///
/// It knows no clock, no socket and no thread. The same configuration and the same commands give the same bytes,
/// however the sessions are spread over workers and in whatever order their batches come. A tick is two passes:
///
/// ```swift
/// region.decide(tick: tick, commands: batches, into: effects)   // one batch C of every worker
/// let frame = region.apply([effects])                           // one batch E of every region
/// ```
///
/// *Decide* reads only the world as it stood at the end of the last tick and changes nothing but private copies;
/// *apply* writes, in the order (target, class, source, number). No rule reads what the same tick wrote.
///
/// This version owns the whole map. Memory grows to what the largest tick needed and is kept.
public struct Region: ~Copyable {
    /// The rules.
    public let configuration: WorldConfiguration
    /// How the map is cut.
    public let grid: SectorGrid
    /// The last tick that was decided.
    public internal(set) var tick: UInt64 = 0

    var entities: EntityTable
    var ring: FrameRing
    var applied = true

    var actors = Column<Actor>(capacity: 1_024)
    var actorOf = IndexTable(capacity: 1_024)
    var answers = Column<Answer>(capacity: 1_024)

    var sources = Column<EffectSource>(capacity: 16)
    var order = Column<EffectKey>(capacity: 2_048)
    var changes = Column<Change>(capacity: 1_024)
    var items = Column<BlockItem>(capacity: 2_048)
    /// Sessions whose subscription changed in the last tick, by session.
    var views = Column<View>(capacity: 1_024)

    var answerScratch = Column<Answer>(capacity: 1_024)
    var orderScratch = Column<EffectKey>(capacity: 2_048)
    var itemScratch = Column<BlockItem>(capacity: 2_048)
    var viewScratch = Column<View>(capacity: 1_024)
    var endedScratch = Column<UInt64>(capacity: 256)

    /// Makes an empty world.
    ///
    /// - Parameters:
    ///   - workers: how many workers read the frames.
    ///   - capacity: players for which memory is taken at once; more are served by growing.
    public init(configuration: WorldConfiguration, workers: Int = 1, capacity: Int = 32_768) {
        self.configuration = configuration
        grid = SectorGrid(configuration)
        entities = EntityTable(grid: grid, capacity: capacity)
        ring = FrameRing(workers: workers)
    }

    /// How many objects are in the world.
    public var population: Int { entities.count }

    /// World time of the current tick in milliseconds.
    var now: UInt64 { tick &* UInt64(configuration.tickMilliseconds) }

    /// The entity that a session plays, at the end of the last tick.
    public func entity(session: UInt64) -> Entity? {
        let slot = entities.slot(session: session)
        return slot == EntityTable.none ? nil : entities[slot]
    }
}
