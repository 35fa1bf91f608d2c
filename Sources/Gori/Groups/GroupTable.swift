// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// A worker's side of all groups: its own members, which other workers have some, and the turn's packets.
///
/// Publishing appends to the group's log once; the flush gives every member one reference to it, whatever was published
/// in the turn: the cost of a crowd is packets + members, not their product.
struct GroupTable: ~Copyable {
    /// One group.
    struct Record {
        var id: UInt64 = 0
        var isUsed = false
        var isDirty = false
        /// Some member has been given part of the turn's log already.
        var isGivenInPart = false
        /// Bit w: worker w has members.
        var remoteWorkers: UInt64 = 0
        /// Slots of the members here.
        var members: [Int32] = []
        /// Index of each member's membership, parallel to `members`.
        var memberships: [Int32] = []
        /// The turn's packets, in blocks of the pool.
        var log: [IOVector] = []
        var blocks: [UnsafeMutableRawBufferPointer] = []
        var blockUsed = 0
    }

    /// That a session is in a group, linked from its record.
    struct Membership {
        var group: Int32 = 0
        var position: Int32 = 0
        var slot: Int32 = 0
        /// The session's next membership, plus 1.
        var next: Int32 = 0
        /// Bytes of the group's log that the session has been given already in this turn.
        var given = 0
    }

    private(set) var records: [Record] = []
    private(set) var memberships: [Membership] = []
    private var freeRecords: [Int32] = []
    private var freeMemberships: [Int32] = []
    /// Open addressing by group number: index into `records` plus 1.
    private var index: [Int32] = Array(repeating: 0, count: 64)
    private var usedCount = 0
    /// Groups with packets in this turn.
    private(set) var dirty = Column<Int32>(capacity: 64)

    // MARK: Look-up

    func find(_ id: UInt64) -> Int? {
        var place = Self.hash(id) & (index.count &- 1)
        while index[place] != 0 {
            let record = Int(index[place] &- 1)
            if records[record].id == id { return record }
            place = (place &+ 1) & (index.count &- 1)
        }
        return nil
    }

    mutating func findOrMake(_ id: UInt64) -> Int {
        if let found = find(id) { return found }
        if (usedCount &+ 1) &* 2 > index.count { growIndex() }
        let record: Int
        if let free = freeRecords.popLast() {
            record = Int(free)
        } else {
            record = records.count
            records.append(Record())
        }
        records[record].id = id
        records[record].isUsed = true
        records[record].remoteWorkers = 0
        usedCount &+= 1
        insert(record)
        return record
    }

    /// Forgets a group that has no members anywhere.
    mutating func forgetIfEmpty(_ record: Int) {
        guard records[record].members.isEmpty, records[record].remoteWorkers == 0, !records[record].isDirty
        else { return }
        records[record].isUsed = false
        usedCount &-= 1
        freeRecords.append(Int32(truncatingIfNeeded: record))
        erase(record)
    }

    mutating func setRemote(_ worker: Int, isPresent: Bool, record: Int) {
        let bit = UInt64(1) << UInt64(worker)
        if isPresent { records[record].remoteWorkers |= bit } else { records[record].remoteWorkers &= ~bit }
    }

    // MARK: Members

    /// Adds a member. Returns the membership's index.
    mutating func add(_ slot: Int, to record: Int, next: Int32) -> Int32 {
        let membership = Membership(
            group: Int32(truncatingIfNeeded: record),
            position: Int32(truncatingIfNeeded: records[record].members.count),
            slot: Int32(truncatingIfNeeded: slot), next: next, given: logByteCount(record))
        if membership.given > 0 { records[record].isGivenInPart = true }
        let place: Int32
        if let free = freeMemberships.popLast() {
            place = free
            memberships[Int(place)] = membership
        } else {
            place = Int32(truncatingIfNeeded: memberships.count)
            memberships.append(membership)
        }
        records[record].members.append(Int32(truncatingIfNeeded: slot))
        records[record].memberships.append(place)
        return place
    }

    /// Removes a member; the last one takes its place in the list.
    mutating func remove(membership place: Int32) {
        let membership = memberships[Int(place)]
        let record = Int(membership.group)
        let position = Int(membership.position)
        let last = records[record].members.count &- 1
        if position != last {
            records[record].members[position] = records[record].members[last]
            records[record].memberships[position] = records[record].memberships[last]
            memberships[Int(records[record].memberships[position])].position = membership.position
        }
        records[record].members.removeLast()
        records[record].memberships.removeLast()
        freeMemberships.append(place)
    }

    mutating func setNext(_ membership: Int32, _ next: Int32) { memberships[Int(membership)].next = next }

    mutating func setGiven(_ membership: Int32, _ bytes: Int) {
        memberships[Int(membership)].given = bytes
        records[Int(memberships[Int(membership)].group)].isGivenInPart = true
    }

    // MARK: Patience

    /// What is waited for each send that one more packet may save, in nanoseconds: a small part of what a send costs.
    private static let patiencePerMember: UInt64 = 100
    /// A crowd: fewer members are not worth waiting for …
    private static let crowd = 32
    /// … and more than this wait no longer.
    private static let largestCrowd = 100

    /// From so many members on, what comes together with something else saves more than the wait costs.
    private static let batchedCrowd = 8

    @inline(__always)
    var hasPublished: Bool { !dirty.isEmpty }

    /// How long the flush may wait for more to publish, in nanoseconds.
    var patience: UInt64 {
        let average = averageCrowd
        guard average >= Self.crowd else { return 0 }
        return UInt64(min(average, Self.largestCrowd)) &* Self.patiencePerMember
    }

    /// Whether the turns to come may be made larger by waiting for them, asleep.
    var gainsByBatches: Bool { averageCrowd >= Self.batchedCrowd }

    /// Members of the groups that this turn has published to.
    private var averageCrowd: Int {
        var members = 0
        for record in dirty.view { members &+= records[Int(record)].members.count }
        return dirty.isEmpty ? 0 : members / dirty.count
    }

    // MARK: Log

    func logByteCount(_ record: Int) -> Int {
        guard records[record].isDirty else { return 0 }
        var total = 0
        for part in records[record].log { total &+= part.count }
        return total
    }

    /// Room for `count` bytes at the end of a group's log.
    mutating func reserve(_ count: Int, record: Int, pool: inout BlockPool) -> UnsafeMutableRawBufferPointer {
        if let block = records[record].blocks.last, block.count &- records[record].blockUsed >= count {
            return UnsafeMutableRawBufferPointer(
                start: block.baseAddress.map { $0 + records[record].blockUsed }, count: count)
        }
        let block = pool.take(atLeast: max(count, records[record].blocks.isEmpty ? 4_096 : 65_536))
        records[record].blocks.append(block)
        records[record].blockUsed = 0
        return UnsafeMutableRawBufferPointer(start: block.baseAddress, count: count)
    }

    /// Counts what was written to the memory of the last `reserve`.
    mutating func commit(_ count: Int, record: Int) {
        guard let base = records[record].blocks.last?.baseAddress, count > 0 else { return }
        let start = UnsafeRawPointer(base + records[record].blockUsed)
        records[record].blockUsed &+= count
        let last = records[record].log.count &- 1
        if last >= 0, let before = records[record].log[last].base, before + records[record].log[last].count == start {
            records[record].log[last].count &+= count
        } else {
            records[record].log.append(IOVector(base: start, count: count))
        }
        guard !records[record].isDirty else { return }
        records[record].isDirty = true
        dirty.append(Int32(truncatingIfNeeded: record))
    }

    /// Forgets the turn's logs but keeps their memory, which sends may still name, for `releaseBlocks`.
    mutating func endTurn(into settling: inout Column<UnsafeMutableRawBufferPointer>) {
        for record in dirty.view {
            let record = Int(record)
            for block in records[record].blocks { settling.append(block) }
            records[record].blocks.removeAll(keepingCapacity: true)
            records[record].log.removeAll(keepingCapacity: true)
            records[record].blockUsed = 0
            records[record].isDirty = false
            if records[record].isGivenInPart {
                records[record].isGivenInPart = false
                for place in records[record].memberships { memberships[Int(place)].given = 0 }
            }
            forgetIfEmpty(record)
        }
        dirty.removeAll()
    }

    // MARK: Index

    private mutating func insert(_ record: Int) {
        var place = Self.hash(records[record].id) & (index.count &- 1)
        while index[place] != 0 { place = (place &+ 1) & (index.count &- 1) }
        index[place] = Int32(truncatingIfNeeded: record &+ 1)
    }

    /// Takes a group out of the index; what stood behind it in its run of entries is entered anew.
    private mutating func erase(_ record: Int) {
        var place = Self.hash(records[record].id) & (index.count &- 1)
        while index[place] != Int32(truncatingIfNeeded: record &+ 1) { place = (place &+ 1) & (index.count &- 1) }
        index[place] = 0
        place = (place &+ 1) & (index.count &- 1)
        while index[place] != 0 {
            let displaced = Int(index[place] &- 1)
            index[place] = 0
            insert(displaced)
            place = (place &+ 1) & (index.count &- 1)
        }
    }

    private mutating func growIndex() { rebuildIndex(count: index.count &* 2) }

    private mutating func rebuildIndex(count: Int) {
        index = Array(repeating: 0, count: count)
        for record in records.indices where records[record].isUsed { insert(record) }
    }

    private static func hash(_ id: UInt64) -> Int {
        var value = id &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 32
        return Int(truncatingIfNeeded: value & 0x7FFF_FFFF)
    }
}
