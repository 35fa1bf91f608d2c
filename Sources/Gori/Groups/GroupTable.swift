// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// A worker's side of all groups: its own members, which other workers have some, and the turn's packets.
///
/// Publishing appends to the group's log once; the flush gives every member one reference to it, whatever was published
/// in the turn: the cost of a crowd is packets + members, not their product.
///
/// All of it is plain memory: a packet to a group looks up the group's place, finds room and moves an end, and counts
/// no references.
struct GroupTable: ~Copyable {
    /// One group: a cache line.
    struct Record: BitwiseCopyable {
        var id: UInt64 = 0
        /// Where the log of the turn ends, and so the next packet begins; nil: there is no log.
        var end: UnsafeMutableRawPointer?
        /// Bytes behind that.
        var room = 0
        /// First and last part of the log, indexes into `parts` plus 1; 0: none.
        var firstPart: Int32 = 0
        var lastPart: Int32 = 0
        /// Bit w: worker w has members.
        var remoteWorkers: UInt64 = 0
        fileprivate var memberMemory: UnsafeMutablePointer<Member>?
        fileprivate(set) var memberCount: Int32 = 0
        fileprivate var memberCapacity: Int32 = 0
        var isUsed = false
        /// Some member has been given part of the turn's log already.
        var isGivenInPart = false

        /// Those in the group here; valid until the next change.
        @inline(__always)
        var members: UnsafeBufferPointer<Member> { UnsafeBufferPointer(start: memberMemory, count: Int(memberCount)) }
        /// Whether there may be packets in this turn.
        @inline(__always)
        var hasLog: Bool { firstPart != 0 }
    }

    /// One in a group.
    struct Member: BitwiseCopyable {
        var slot: Int32
        var membership: Int32
    }

    /// That a session is in a group, linked from its record.
    struct Membership: BitwiseCopyable {
        var group: Int32 = 0
        var position: Int32 = 0
        var slot: Int32 = 0
        /// The session's next membership, plus 1.
        var next: Int32 = 0
        /// Bytes of the group's log that the session has been given already in this turn.
        var given = 0
    }

    /// A piece of a group's log, in a block of the pool.
    struct Part: BitwiseCopyable {
        let block: UnsafeMutableRawBufferPointer
        /// Bytes, where another part follows; else the record's `end` says it.
        var count = 0
        /// The next part of the same log, plus 1; 0: none.
        var next: Int32 = 0
    }

    // What every turn looks at.
    /// Groups with a log in this turn.
    private(set) var published = Column<Int32>(capacity: 64)
    /// How many members they had when it began.
    private var publishedMembers = 0
    /// How many receives of this turn have published, and where the bytes of the last one lie.
    private var speakers = 0
    private var lastSpeaker: UInt = 0

    private(set) var records = Column<Record>()
    /// Open addressing by group number: index into `records` plus 1.
    private var index = Column<Int32>(repeating: 0, count: 64)
    /// All logs of the turn.
    private var parts = Column<Part>(capacity: 64)
    private(set) var memberships = Column<Membership>()
    private var freeRecords = Column<Int32>()
    private var freeMemberships = Column<Int32>()
    private var usedCount = 0

    deinit {
        for record in records.view { record.memberMemory?.deallocate() }
    }

    // MARK: Look-up

    func find(_ id: UInt64) -> Int? {
        var place = Self.hash(id) & (index.count &- 1)
        while true {
            let record = Int(index[place]) &- 1
            guard record >= 0 else { return nil }
            if records[record].id == id { return record }
            place = (place &+ 1) & (index.count &- 1)
        }
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
        guard records[record].memberCount == 0, records[record].remoteWorkers == 0, !records[record].hasLog
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
            position: records[record].memberCount, slot: Int32(truncatingIfNeeded: slot), next: next,
            given: logByteCount(record))
        if membership.given > 0 { records[record].isGivenInPart = true }
        let place: Int32
        if let free = freeMemberships.popLast() {
            place = free
            memberships[Int(place)] = membership
        } else {
            place = Int32(truncatingIfNeeded: memberships.count)
            memberships.append(membership)
        }
        append(Member(slot: Int32(truncatingIfNeeded: slot), membership: place), to: record)
        return place
    }

    private mutating func append(_ member: Member, to record: Int) {
        let count = Int(records[record].memberCount)
        if count == Int(records[record].memberCapacity) { growMembers(of: record) }
        guard let members = records[record].memberMemory else { preconditionFailure("members have memory") }
        (members + count).initialize(to: member)
        records[record].memberCount &+= 1
    }

    private mutating func growMembers(of record: Int) {
        let count = Int(records[record].memberCount)
        let capacity = max(8, count * 2)
        let larger = UnsafeMutablePointer<Member>.allocate(capacity: capacity)
        if let old = records[record].memberMemory {
            larger.update(from: old, count: count)
            old.deallocate()
        }
        records[record].memberMemory = larger
        records[record].memberCapacity = Int32(truncatingIfNeeded: capacity)
    }

    /// Removes a member; the last one takes its place in the list.
    mutating func remove(membership place: Int32) {
        let membership = memberships[Int(place)]
        let record = Int(membership.group)
        let position = Int(membership.position)
        let last = Int(records[record].memberCount) &- 1
        guard let members = records[record].memberMemory, position <= last else {
            preconditionFailure("a membership stands in its group")
        }
        if position != last {
            members[position] = members[last]
            memberships[Int(members[position].membership)].position = membership.position
        }
        records[record].memberCount = Int32(truncatingIfNeeded: last)
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
    var hasPublished: Bool { !published.isEmpty }

    /// How long the flush may wait for more to publish, in nanoseconds.
    var patience: UInt64 {
        let average = averageCrowd
        guard average >= Self.crowd else { return 0 }
        return UInt64(min(average, Self.largestCrowd)) &* Self.patiencePerMember
    }

    /// For how many completions the next wait may be, asleep: two crowds, of which at least one is then whole; 0: for
    /// one.
    var batch: Int { averageCrowd < Self.batchedCrowd ? 0 : averageCrowd &* 2 }

    /// As many have spoken in this turn as are in the crowds that they have spoken to: whoever waits for what it is
    /// told says nothing more before that has been sent.
    @inline(__always)
    var hasHeardAll: Bool { publishedMembers > 0 && speakers >= publishedMembers }

    /// Somebody publishes while the bytes at an address are handled; 0: nobody's.
    @inline(__always)
    mutating func heard(_ bytes: UInt) {
        guard bytes != 0, bytes != lastSpeaker else { return }
        lastSpeaker = bytes
        speakers &+= 1
    }

    /// Members of a group that this turn has published to.
    private var averageCrowd: Int { published.isEmpty ? 0 : publishedMembers / published.count }

    // MARK: Log

    /// A group's log, if it is in one piece.
    @inline(__always)
    func wholeLog(_ record: Int) -> UnsafeRawBufferPointer? {
        let only = records[record].firstPart
        guard only != 0, only == records[record].lastPart else { return nil }
        return bytes(ofPart: only, record)
    }

    /// The bytes of one part of a group's log.
    @inline(__always)
    func bytes(ofPart part: Int32, _ record: Int) -> UnsafeRawBufferPointer {
        let block = parts[Int(part &- 1)].block
        guard part == records[record].lastPart else {
            return UnsafeRawBufferPointer(start: block.baseAddress, count: parts[Int(part &- 1)].count)
        }
        return UnsafeRawBufferPointer(start: block.baseAddress, count: block.count &- records[record].room)
    }

    /// The part behind one; 0: none.
    @inline(__always)
    func part(after part: Int32) -> Int32 { parts[Int(part &- 1)].next }

    func logByteCount(_ record: Int) -> Int {
        var total = 0
        var part = records[record].firstPart
        while part != 0 {
            total &+= bytes(ofPart: part, record).count
            part = self.part(after: part)
        }
        return total
    }

    /// Room for `count` bytes at the end of a group's log.
    @inline(__always)
    mutating func reserve(_ count: Int, record: Int, pool: inout BlockPool) -> UnsafeMutableRawBufferPointer {
        if records[record].room < count { addPart(atLeast: count, record: record, pool: &pool) }
        return UnsafeMutableRawBufferPointer(start: records[record].end, count: count)
    }

    @inline(never)
    private mutating func addPart(atLeast count: Int, record: Int, pool: inout BlockPool) {
        let last = records[record].lastPart
        let block = pool.take(atLeast: max(count, last == 0 ? 4_096 : 65_536))
        parts.append(Part(block: block))
        let part = Int32(truncatingIfNeeded: parts.count)
        if last == 0 {
            records[record].firstPart = part
            published.append(Int32(truncatingIfNeeded: record))
            publishedMembers &+= Int(records[record].memberCount)
        } else {
            parts[Int(last &- 1)].count = parts[Int(last &- 1)].block.count &- records[record].room
            parts[Int(last &- 1)].next = part
        }
        records[record].lastPart = part
        records[record].end = block.baseAddress
        records[record].room = block.count
    }

    /// Counts what was written to the memory of the last `reserve`.
    @inline(__always)
    mutating func commit(_ count: Int, record: Int) {
        precondition(count >= 0 && count <= records[record].room, "no more than was reserved")
        records[record].end = records[record].end.map { $0 + count }
        records[record].room &-= count
    }

    /// Forgets the turn's logs but keeps their memory, which sends may still name, for `releaseBlocks`.
    mutating func endTurn(into settling: inout Column<UnsafeMutableRawBufferPointer>) {
        for part in parts.view { settling.append(part.block) }
        parts.removeAll()
        for record in published.view { forgetLog(Int(record)) }
        published.removeAll()
        publishedMembers = 0
        speakers = 0
        lastSpeaker = 0
    }

    private mutating func forgetLog(_ record: Int) {
        records[record].firstPart = 0
        records[record].lastPart = 0
        records[record].end = nil
        records[record].room = 0
        if records[record].isGivenInPart {
            records[record].isGivenInPart = false
            for member in records[record].members { memberships[Int(member.membership)].given = 0 }
        }
        if records[record].memberCount == 0 { forgetIfEmpty(record) }
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
        index = Column(repeating: 0, count: count)
        for record in 0..<records.count where records[record].isUsed { insert(record) }
    }

    private static func hash(_ id: UInt64) -> Int {
        var value = id &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 32
        return Int(truncatingIfNeeded: value & 0x7FFF_FFFF)
    }
}
