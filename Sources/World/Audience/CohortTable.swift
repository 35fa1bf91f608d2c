// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Sessions with the same subscription, and from each sector the cohorts that contain it.
///
/// A cohort exists while it has a member. It has a node for each of its sectors, at `cohort × nodes per cohort`, in
/// the doubly linked list of that sector.
struct CohortTable: ~Copyable {
    static let none = IndexTable.none

    struct Cohort: BitwiseCopyable {
        var area: SectorArea
        /// The first member, or the next free place.
        var first: UInt32
        /// The last delivery that had a block for it, and which.
        var round: UInt64
        var chain: PieceList.Chain
        /// Ambient blocks of the last deliveries, each in the place of its number.
        var held = InlineArray<4, HeldChain>(repeating: HeldChain())
        /// The last delivery in which its members were asked whether it is their turn.
        var visited: UInt64 = 0
    }

    struct Node: BitwiseCopyable {
        var cohort: UInt32
        var next: UInt32
        var previous: UInt32
    }

    private let grid: SectorGrid
    private let nodesPerCohort: Int
    private var cohorts: Column<Cohort>
    private var nodes: Column<Node>
    private var heads: Column<UInt32>
    private var byArea: IndexTable
    private var firstFree = none

    init(grid: SectorGrid, capacity: Int) {
        self.grid = grid
        nodesPerCohort = grid.largestArea
        cohorts = Column(capacity: capacity)
        nodes = Column(capacity: capacity * grid.largestArea)
        heads = Column(repeating: Self.none, count: grid.count)
        byArea = IndexTable(capacity: capacity)
    }

    func area(of cohort: UInt32) -> SectorArea { cohorts[cohort].area }
    func chain(of cohort: UInt32) -> PieceList.Chain { cohorts[cohort].chain }
    func firstMember(of cohort: UInt32) -> UInt32 { cohorts[cohort].first }
    func firstNode(in sector: Sector) -> UInt32 { heads[grid.index(sector)] }
    func cohort(of node: UInt32) -> UInt32 { nodes[node].cohort }
    func next(_ node: UInt32) -> UInt32 { nodes[node].next }

    /// Begins the cohort's list in a delivery.
    ///
    /// - Returns: false when that has been done.
    mutating func mark(_ cohort: UInt32, round: UInt64) -> Bool {
        guard cohorts[cohort].round != round else { return false }
        cohorts[cohort].round = round
        cohorts[cohort].chain = PieceList.Chain()
        return true
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer, to cohort: UInt32, _ pieces: inout PieceList) {
        pieces.append(bytes, to: &cohorts[cohort].chain)
    }

    /// Keeps ambient bytes of a delivery.
    mutating func hold(_ bytes: UnsafeRawBufferPointer, for cohort: UInt32, round: UInt64, _ held: inout Held) {
        let place = Audience.place(of: round)
        if cohorts[cohort].held[place].round != round {
            cohorts[cohort].held[place] = HeldChain(round: round)
            held.cohorts.append(cohort)
        }
        held.pieces.append(bytes, to: &cohorts[cohort].held[place].chain)
    }

    /// What a cohort has been holding since a delivery, if it has any.
    func held(by cohort: UInt32, of round: UInt64) -> PieceList.Chain? {
        let held = cohorts[cohort].held[Audience.place(of: round)]
        return held.round == round ? held.chain : nil
    }

    /// Whether a cohort is to be asked in a delivery: the first time, and if it has members.
    mutating func visit(_ cohort: UInt32, round: UInt64) -> Bool {
        guard cohorts[cohort].visited != round, !cohorts[cohort].area.isEmpty else { return false }
        cohorts[cohort].visited = round
        return true
    }

    func isTouched(_ cohort: UInt32, round: UInt64) -> Bool { cohorts[cohort].round == round }

    mutating func join(_ area: SectorArea, _ member: UInt32, _ members: inout MemberTable) {
        var cohort = byArea[area.packed]
        if cohort == Self.none { cohort = make(area) }
        let first = cohorts[cohort].first
        members[member].cohort = cohort
        members[member].previous = MemberTable.none
        members[member].next = first
        if first != MemberTable.none { members[first].previous = member }
        cohorts[cohort].first = member
    }

    mutating func leave(_ cohort: UInt32, _ member: UInt32, _ members: inout MemberTable) {
        let next = members[member].next
        let previous = members[member].previous
        if next != MemberTable.none { members[next].previous = previous }
        if previous != MemberTable.none {
            members[previous].next = next
        } else {
            cohorts[cohort].first = next
            if next == MemberTable.none { dissolve(cohort) }
        }
        members[member].cohort = Self.none
    }

    private mutating func make(_ area: SectorArea) -> UInt32 {
        let fresh = Cohort(area: area, first: MemberTable.none, round: 0, chain: PieceList.Chain())
        var cohort = firstFree
        if cohort == Self.none {
            cohort = UInt32(truncatingIfNeeded: cohorts.count)
            cohorts.append(fresh)
            for _ in 0..<nodesPerCohort {
                nodes.append(Node(cohort: cohort, next: Self.none, previous: Self.none))
            }
        } else {
            firstFree = cohorts[cohort].first
            cohorts[cohort] = fresh
        }
        byArea.set(area.packed, to: cohort)
        var node = firstNode(of: cohort)
        for row in area.rows {
            for column in area.columns {
                link(node, to: grid.index(Sector(column: column, row: row)))
                node += 1
            }
        }
        return cohort
    }

    private mutating func dissolve(_ cohort: UInt32) {
        let area = cohorts[cohort].area
        byArea.remove(area.packed)
        var node = firstNode(of: cohort)
        for row in area.rows {
            for column in area.columns {
                unlink(node, from: grid.index(Sector(column: column, row: row)))
                node += 1
            }
        }
        cohorts[cohort].area = .empty
        cohorts[cohort].first = firstFree
        firstFree = cohort
    }

    private func firstNode(of cohort: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: Int(cohort) * nodesPerCohort)
    }

    private mutating func link(_ node: UInt32, to sector: Int) {
        let head = heads[sector]
        nodes[node].previous = Self.none
        nodes[node].next = head
        if head != Self.none { nodes[head].previous = node }
        heads[sector] = node
    }

    private mutating func unlink(_ node: UInt32, from sector: Int) {
        let next = nodes[node].next
        let previous = nodes[node].previous
        if next != Self.none { nodes[next].previous = previous }
        if previous != Self.none {
            nodes[previous].next = next
        } else {
            heads[sector] = next
        }
    }
}
