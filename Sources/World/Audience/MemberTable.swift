// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// A session that is subscribed to something.
struct Member: BitwiseCopyable {
    var session: UInt64
    var cohort: UInt32 = MemberTable.none
    /// The region that owns its player.
    var home: Int32 = 0
    /// The neighbours in the cohort's list, or the next free place.
    var next: UInt32 = MemberTable.none
    var previous: UInt32 = MemberTable.none
    /// The delivery in which it gets privates and no blocks, because its subscription is new.
    var privateRound: UInt64 = 0
    /// The last delivery whose ambient blocks it has, or needs no more.
    var through: UInt64 = 0
    /// The last delivery in which it got privates, and which.
    var told: UInt64 = 0
    var privates = PieceList.Chain()
    /// The last delivery in which it got anything.
    var delivered: UInt64 = 0
}

/// The members of an audience, found by session.
struct MemberTable: ~Copyable {
    static let none = IndexTable.none

    private var members: Column<Member>
    private var bySession: IndexTable
    private var firstFree = none

    init(capacity: Int) {
        members = Column(capacity: capacity)
        bySession = IndexTable(capacity: capacity)
    }

    var count: Int { bySession.count }

    func find(_ session: UInt64) -> UInt32 { bySession[session] }

    subscript(member: UInt32) -> Member {
        get { members[member] }
        _modify { yield &members[member] }
    }

    mutating func insert(_ session: UInt64) -> UInt32 {
        var member = firstFree
        if member == Self.none {
            member = UInt32(truncatingIfNeeded: members.count)
            members.append(Member(session: session))
        } else {
            firstFree = members[member].next
            members[member] = Member(session: session)
        }
        bySession.set(session, to: member)
        return member
    }

    /// - Precondition: it has left its cohort.
    mutating func remove(_ member: UInt32) {
        bySession.remove(members[member].session)
        members[member].next = firstFree
        firstFree = member
    }
}
