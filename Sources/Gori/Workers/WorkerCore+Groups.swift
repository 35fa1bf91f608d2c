// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// Groups: joining, leaving, and one log for each group and turn.
extension WorkerCore {
    mutating func join(_ slot: Int, _ group: Group) {
        let record = sessions.records + slot
        guard record.pointee.phase == .open, membership(of: slot, in: group) == nil else { return }
        let place = groups.findOrMake(group.rawValue)
        let isFirst = groups.records[place].memberCount == 0
        let membership = groups.add(slot, to: place, next: record.pointee.memberships)
        record.pointee.memberships = membership &+ 1
        if isFirst { announce(group, isPresent: true) }
    }

    mutating func leave(_ slot: Int, _ group: Group) {
        guard let place = membership(of: slot, in: group) else { return }
        catchUp(slot)
        let record = sessions.records + slot
        let next = groups.memberships[Int(place)].next
        if record.pointee.memberships == place &+ 1 {
            record.pointee.memberships = next
        } else {
            var before = record.pointee.memberships
            while before != 0, groups.memberships[Int(before &- 1)].next != place &+ 1 {
                before = groups.memberships[Int(before &- 1)].next
            }
            if before != 0 { groups.setNext(before &- 1, next) }
        }
        remove(place)
    }

    mutating func leaveAll(_ slot: Int) {
        let record = sessions.records + slot
        var next = record.pointee.memberships
        record.pointee.memberships = 0
        while next != 0 {
            let place = next &- 1
            next = groups.memberships[Int(place)].next
            remove(place)
        }
    }

    private mutating func remove(_ membership: Int32) {
        let place = Int(groups.memberships[Int(membership)].group)
        groups.remove(membership: membership)
        guard groups.records[place].memberCount == 0 else { return }
        announce(Group(rawValue: groups.records[place].id), isPresent: false)
        groups.forgetIfEmpty(place)
    }

    private mutating func membership(of slot: Int, in group: Group) -> Int32? {
        guard let place = groups.find(group.rawValue) else { return nil }
        var next = sessions.records[slot].memberships
        while next != 0 {
            if groups.memberships[Int(next &- 1)].group == Int32(truncatingIfNeeded: place) { return next &- 1 }
            next = groups.memberships[Int(next &- 1)].next
        }
        return nil
    }

    private mutating func announce(_ group: Group, isPresent: Bool) {
        let message = Message(
            tag: isPresent ? Message.groupPresent : Message.groupAbsent, payload: group.rawValue)
        for peer in 0..<outboxes.mailboxes.workerCount where peer != index { outboxes.post(message, to: peer) }
    }

    /// Another worker has its first member, or no member any more.
    mutating func heard(_ group: Group, isPresent: Bool, from worker: Int) {
        if isPresent {
            groups.setRemote(worker, isPresent: true, record: groups.findOrMake(group.rawValue))
        } else if let place = groups.find(group.rawValue) {
            groups.setRemote(worker, isPresent: false, record: place)
            groups.forgetIfEmpty(place)
        }
    }

    /// Room for a packet to a group; nil when nobody anywhere is in it.
    mutating func reserveLog(_ group: Group, _ count: Int) -> (place: Int, memory: UnsafeMutableRawBufferPointer)? {
        guard let place = groups.find(group.rawValue) else { return nil }
        return (place, groups.reserve(count, record: place, pool: &pool))
    }

    /// Publishes what was written to the memory of the last `reserve`: here by the group's log, elsewhere by parcel.
    mutating func commitLog(_ place: Int, _ memory: UnsafeMutableRawBufferPointer, _ count: Int) {
        guard count > 0 else { return }
        let remote = groups.records[place].remoteWorkers
        if remote != 0 {
            let packet = UnsafeRawBufferPointer(start: memory.baseAddress, count: count)
            for peer in 0..<outboxes.mailboxes.workerCount where remote & 1 << UInt64(peer) != 0 {
                parcel(for: peer).append(packet, for: .group(groups.records[place].id))
            }
        }
        groups.commit(count, record: place)
        groups.heard(sliceStart)
    }

    /// Publishes bytes to the members on this worker only.
    mutating func publishHere(_ group: Group, _ bytes: UnsafeRawBufferPointer) {
        guard let place = groups.find(group.rawValue), let source = bytes.baseAddress,
            groups.records[place].memberCount > 0
        else { return }
        let memory = groups.reserve(bytes.count, record: place, pool: &pool)
        memory.baseAddress?.copyMemory(from: source, byteCount: bytes.count)
        groups.commit(bytes.count, record: place)
    }

    /// What may wait for one worker, in bytes, before the sessions that send it are not read any more.
    private static let parcelLimit = 1 << 20

    mutating func parcel(for worker: Int) -> Parcel {
        if outboxes.isFull(worker) { isCongested = true }
        if let parcel = parcels[worker] {
            if parcel.byteCount > Self.parcelLimit { isCongested = true }
            return parcel
        }
        let parcel = Parcel()
        parcels[worker] = parcel
        return parcel
    }

    /// Gives every member of the turn's groups its reference to the log.
    mutating func flushGroups() {
        for position in 0..<groups.published.count {
            let place = Int(groups.published[position])
            if let log = groups.wholeLog(place), !groups.records[place].isGivenInPart {
                giveWhole(log, place)
                continue
            }
            for member in groups.records[place].members { giveLog(place, membership: member.membership) }
        }
        groups.endTurn(into: &output.logs)
    }

    /// What a session's groups have published so far goes out before what the session is sent next.
    mutating func catchUp(_ slot: Int) {
        guard groups.hasPublished else { return }
        var next = sessions.records[slot].memberships
        while next != 0 {
            let membership = groups.memberships[Int(next &- 1)]
            if groups.records[Int(membership.group)].hasLog { giveLog(Int(membership.group), membership: next &- 1) }
            next = membership.next
        }
    }

    /// What a crowd is told as a rule: the same piece of memory for everybody, and nobody has had some of it. The turn
    /// of the group ends right after, so what was given need not be noted.
    private mutating func giveWhole(_ bytes: UnsafeRawBufferPointer, _ place: Int) {
        for member in groups.records[place].members { sendShared(Int(member.slot), bytes) }
    }

    private mutating func giveLog(_ place: Int, membership: Int32) {
        let slot = Int(groups.memberships[Int(membership)].slot)
        let given = groups.memberships[Int(membership)].given
        var skip = given
        var total = 0
        var part = groups.records[place].firstPart
        while part != 0 {
            let bytes = groups.bytes(ofPart: part, place)
            part = groups.part(after: part)
            total &+= bytes.count
            guard skip < bytes.count else {
                skip &-= bytes.count
                continue
            }
            sendShared(slot, UnsafeRawBufferPointer(rebasing: bytes[skip...]))
            skip = 0
        }
        groups.setGiven(membership, total)
    }
}
