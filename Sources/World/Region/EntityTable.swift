// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// The entities of a region in one slab, found by object, by session and by sector.
///
/// The entities of a sector are a doubly linked list through the slab, in the order (tick of arrival, object). That
/// order is the same on any number of regions, so it may show in what clients are sent; slots never do.
struct EntityTable: ~Copyable {
    static let none = IndexTable.none

    struct Slot: BitwiseCopyable {
        var entity: Entity
        /// The next in the sector, or the next free slot.
        var next: UInt32
        var previous: UInt32
        /// The last tick that changed the entity.
        var touched: UInt64
    }

    struct Ends: BitwiseCopyable {
        var first: UInt32
        var last: UInt32
    }

    private let grid: SectorGrid
    /// Where the first sector of the region stands in a table of all sectors.
    private let origin: Int
    private var slots: Column<Slot>
    private var sectors: Column<Ends>
    private var byObject: IndexTable
    private var bySession: IndexTable
    private var firstFree = none
    private(set) var count = 0

    /// - Parameters:
    ///   - rows: of the sectors that it has; no other can be asked for.
    ///   - players: for which there is room before it grows.
    ///   - monsters: likewise.
    init(grid: SectorGrid, rows: Range<Int>, players: Int, monsters: Int) {
        self.grid = grid
        origin = rows.lowerBound * grid.columns
        slots = Column(capacity: players + monsters)
        sectors = Column(repeating: Ends(first: Self.none, last: Self.none), count: rows.count * grid.columns)
        byObject = IndexTable(capacity: players + monsters)
        bySession = IndexTable(capacity: players)
    }

    func slot(object: UInt32) -> UInt32 { byObject[UInt64(object)] }
    func slot(session: UInt64) -> UInt32 { bySession[session] }

    subscript(slot: UInt32) -> Entity {
        get { slots[slot].entity }
        _modify { yield &slots[slot].entity }
    }

    func touched(_ slot: UInt32) -> UInt64 { slots[slot].touched }
    mutating func touch(_ slot: UInt32, tick: UInt64) { slots[slot].touched = tick }

    /// The first of a sector, or `none`; go on with `next`.
    func first(in sector: Sector) -> UInt32 { sectors[index(of: sector)].first }
    func next(_ slot: UInt32) -> UInt32 { slots[slot].next }

    private func index(of sector: Sector) -> Int { grid.index(sector) - origin }

    /// - Precondition: the object is new.
    mutating func insert(_ entity: Entity) -> UInt32 {
        precondition(slot(object: entity.object) == Self.none, "an object number was used again")
        let fresh = Slot(entity: entity, next: Self.none, previous: Self.none, touched: 0)
        var slot = firstFree
        if slot == Self.none {
            slot = UInt32(truncatingIfNeeded: slots.count)
            slots.append(fresh)
        } else {
            firstFree = slots[slot].next
            slots[slot] = fresh
        }
        count += 1
        byObject.set(UInt64(entity.object), to: slot)
        if entity.kind == .player { bySession.set(entity.session, to: slot) }
        return slot
    }

    /// - Precondition: the entity is in no sector's list.
    mutating func remove(_ slot: UInt32) {
        let entity = slots[slot].entity
        byObject.remove(UInt64(entity.object))
        // The session may have come back as another object in the same tick.
        if entity.kind == .player, bySession[entity.session] == slot { bySession.remove(entity.session) }
        slots[slot].next = firstFree
        firstFree = slot
        count -= 1
    }

    /// Puts an entity where its arrival says: at the end, but for others who came in the same tick.
    mutating func link(_ slot: UInt32, to sector: Sector) {
        let index = index(of: sector)
        var previous = sectors[index].last
        while previous != Self.none, precedes(slot, previous) { previous = slots[previous].previous }
        let next = previous == Self.none ? sectors[index].first : slots[previous].next
        slots[slot].previous = previous
        slots[slot].next = next
        if previous == Self.none { sectors[index].first = slot } else { slots[previous].next = slot }
        if next == Self.none { sectors[index].last = slot } else { slots[next].previous = slot }
    }

    private func precedes(_ left: UInt32, _ right: UInt32) -> Bool {
        (slots[left].entity.arrived, slots[left].entity.object)
            < (slots[right].entity.arrived, slots[right].entity.object)
    }

    mutating func unlink(_ slot: UInt32, from sector: Sector) {
        let index = index(of: sector)
        let next = slots[slot].next
        let previous = slots[slot].previous
        if previous == Self.none {
            sectors[index].first = next
        } else {
            slots[previous].next = next
        }
        if next == Self.none {
            sectors[index].last = previous
        } else {
            slots[next].previous = previous
        }
    }
}
