// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// Outgoing bytes: appended to a session's output, gathered into one send at the end of the turn.
extension WorkerCore {
    /// A flush gathers at most so many parts …
    static let partLimit = 64
    /// … and so many bytes; the rest goes into the backlog.
    static let flushLimit = 262_144

    /// Room for a packet of up to `count` bytes to a session; what is written there is sent after `commit`.
    @inline(__always)
    mutating func reserve(_ slot: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        let record = sessions.records + slot
        if record.pointee.memberships != 0 { catchUp(slot) }
        guard record.pointee.backlog.isEmpty else { return record.pointee.backlog.reserve(count, pool: &pool) }
        return output.arena.reserve(count, pool: &pool)
    }

    /// Sends what was written to the memory of the last `reserve`.
    @inline(__always)
    mutating func commit(_ slot: Int, _ memory: UnsafeMutableRawBufferPointer, _ count: Int) {
        let record = sessions.records + slot
        guard record.pointee.backlog.isEmpty || memory.baseAddress == nil else {
            record.pointee.backlog.commit(count, pool: &pool)
            counts.pointee.bytesBacklogged &+= UInt64(count)
            return checkBacklog(slot)
        }
        guard count > 0 else { return }
        output.arena.commit(count)
        append(slot, UnsafeRawBufferPointer(start: memory.baseAddress, count: count))
        hurry(slot, record)
    }

    /// Sends bytes that lie in memory which outlives the turn's settlement, or copies them.
    @inline(__always)
    mutating func send(_ slot: Int, _ bytes: UnsafeRawBufferPointer) {
        let record = sessions.records + slot
        // A packet that goes back as it came, behind the one before it, which did too: the part that names that one in
        // receive memory becomes longer. Then there is no backlog, or it had not become a part.
        if record.pointee.namesInput, record.pointee.partCount == 1, record.pointee.memberships == 0,
            let start = bytes.baseAddress, let first = record.pointee.firstPart.base,
            first + record.pointee.firstPart.count == start,
            UInt(bitPattern: start) &+ UInt(bytes.count) <= sliceEnd
        {
            record.pointee.firstPart.count &+= bytes.count
            return
        }
        sendOtherwise(slot, bytes)
    }

    private mutating func sendOtherwise(_ slot: Int, _ bytes: UnsafeRawBufferPointer) {
        let record = sessions.records + slot
        if record.pointee.memberships != 0 { catchUp(slot) }
        let start = UInt(bitPattern: bytes.baseAddress)
        if record.pointee.backlog.isEmpty, start >= sliceStart, start &+ UInt(bytes.count) <= sliceEnd {
            append(slot, bytes)
            return hurryBeforeInputIsGone(slot, record)
        }
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        let memory = reserve(slot, bytes.count)
        memory.baseAddress?.copyMemory(from: source, byteCount: bytes.count)
        commit(slot, memory, bytes.count)
    }

    /// Sends a reference to memory that stays as it is until what is sent in this turn is settled.
    mutating func sendShared(_ slot: Int, _ bytes: UnsafeRawBufferPointer, isUrgent: Bool = false) {
        let record = sessions.records + slot
        guard record.pointee.backlog.isEmpty else {
            record.pointee.backlog.append(bytes, pool: &pool)
            counts.pointee.bytesBacklogged &+= UInt64(bytes.count)
            return checkBacklog(slot)
        }
        append(slot, bytes)
        if isUrgent { hurry(slot, record) }
    }

    /// What is a session's own goes out before what it shares with others.
    @inline(__always)
    private mutating func hurry(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>) {
        guard !record.pointee.isUrgent else { return }
        record.pointee.isUrgent = true
        if record.pointee.isWaiting { dirty.append(Int32(truncatingIfNeeded: slot)) }
    }

    /// What names receive memory goes out in its turn: that memory is the kernel's again in the next (rule M4).
    @inline(__always)
    private mutating func hurryBeforeInputIsGone(_ slot: Int, _ record: UnsafeMutablePointer<SessionRecord>) {
        guard !record.pointee.namesInput else { return }
        record.pointee.namesInput = true
        if record.pointee.isWaiting { dirty.append(Int32(truncatingIfNeeded: slot)) }
    }

    /// Adds a part; one that follows the last in memory makes it longer instead.
    @inline(__always)
    private mutating func append(_ slot: Int, _ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        let record = sessions.records + slot
        let count = Int(record.pointee.partCount)
        guard count > 0 else {
            record.pointee.firstPart = IOVector(bytes)
            record.pointee.partCount = 1
            return markDirty(slot)
        }
        if count == 1 {
            if let base = record.pointee.firstPart.base, base + record.pointee.firstPart.count == bytes.baseAddress {
                record.pointee.firstPart.count &+= bytes.count
                return
            }
        } else if let more = record.pointee.moreParts {
            let last = more + (count &- 2)
            if let base = last.pointee.base, base + last.pointee.count == bytes.baseAddress {
                last.pointee.count &+= bytes.count
                return
            }
        }
        appendPart(record, IOVector(bytes))
    }

    private mutating func appendPart(_ record: UnsafeMutablePointer<SessionRecord>, _ part: IOVector) {
        let used = Int(record.pointee.partCount) &- 1
        let capacity = Self.partCapacity(used)
        if record.pointee.moreParts == nil {
            record.pointee.moreParts = takeParts(Self.partCapacity(0))
        } else if used == capacity {
            let larger = takeParts(Self.partCapacity(used &+ 1))
            if let old = record.pointee.moreParts {
                larger.update(from: old, count: used)
                giveBackParts(old, capacity)
            }
            record.pointee.moreParts = larger
        }
        record.pointee.moreParts?[used] = part
        record.pointee.partCount &+= 1
    }

    /// The capacity of the block that holds `used` parts: 16, 64, 256, 1024, 4096, as the pool's sizes.
    private static func partCapacity(_ used: Int) -> Int {
        var capacity = 16
        while capacity < used { capacity &*= 4 }
        return capacity
    }

    private mutating func takeParts(_ capacity: Int) -> UnsafeMutablePointer<IOVector> {
        let block = pool.take(atLeast: capacity &* MemoryLayout<IOVector>.stride)
        guard let base = block.baseAddress else { preconditionFailure("a block has memory") }
        return base.bindMemory(to: IOVector.self, capacity: capacity)
    }

    private mutating func giveBackParts(_ parts: UnsafeMutablePointer<IOVector>, _ capacity: Int) {
        let size = capacity &* MemoryLayout<IOVector>.stride
        pool.giveBack(UnsafeMutableRawBufferPointer(start: UnsafeMutableRawPointer(parts), count: size))
    }

    @inline(__always)
    mutating func markDirty(_ slot: Int) {
        let record = sessions.records + slot
        guard !record.pointee.isDirty else { return }
        record.pointee.isDirty = true
        dirty.append(Int32(truncatingIfNeeded: slot))
    }

    /// Has the flush of the next turn look at a session again.
    mutating func deferToNextTurn(_ slot: Int) {
        let record = sessions.records + slot
        guard !record.pointee.isDeferred else { return }
        record.pointee.isDeferred = true
        deferred.append(Int32(truncatingIfNeeded: slot))
    }

    /// Whether a session's only part goes out as it is.
    @inline(__always)
    func mayGoWhole(_ part: IOVector) -> Bool { part.count <= Self.flushLimit && !sendsPackets }

    /// Counts a send of a session's only part, and drops the part.
    @inline(__always)
    mutating func endSend(_ record: UnsafeMutablePointer<SessionRecord>) {
        record.pointee.partCount = 0
        counts.pointee.sends &+= 1
        counts.pointee.bytesSent &+= UInt64(truncatingIfNeeded: record.pointee.firstPart.count)
    }

    /// Takes the turn's output of a session: at most `partLimit` parts and `flushLimit` bytes into `list`, the rest
    /// into the backlog.
    mutating func gather(_ slot: Int, into list: UnsafeMutablePointer<IOVector>) -> Int {
        guard !sendsPackets else { return gatherPackets(slot, into: list) }
        let record = sessions.records + slot
        let count = Int(record.pointee.partCount)
        var used = 0
        var bytes = 0
        var isFull = false
        for index in 0..<count {
            let part =
                index == 0
                ? record.pointee.firstPart : (record.pointee.moreParts?[index &- 1] ?? IOVector(base: nil, count: 0))
            // Once something is kept back, so is all that follows: what is small would overtake it.
            let room = isFull || used == Self.partLimit ? 0 : roomFor(part, limit: Self.flushLimit &- bytes)
            isFull = room < part.count
            if room > 0 {
                list[used] = IOVector(base: part.base, count: room)
                used &+= 1
                bytes &+= room
            }
            if room < part.count { keepBack(record, UnsafeRawBufferPointer(rebasing: part.bytes[room...])) }
        }
        endGathering(slot, sends: 1, bytes: bytes)
        return used
    }

    /// Drops what has been gathered; what was kept back goes out later, if the session may still have so much waiting.
    @inline(__always)
    mutating func endGathering(_ slot: Int, sends: Int, bytes: Int) {
        clearOutput(slot)
        if !sessions.records[slot].backlog.isEmpty {
            checkBacklog(slot)
            deferToNextTurn(slot)
        }
        counts.pointee.sends &+= UInt64(sends)
        counts.pointee.bytesSent &+= UInt64(bytes)
    }

    /// How much of a part still goes out: all of it, or as many whole packets as fit.
    private mutating func roomFor(_ part: IOVector, limit: Int) -> Int {
        guard part.count > limit else { return part.count }
        guard limit > 0 else { return 0 }
        guard !definition.takesBytes else { return limit }
        return framing.lastBoundary(in: part.bytes, upTo: limit)
    }

    /// Drops the turn's output of a session, or what has been gathered of it.
    @inline(__always)
    mutating func clearOutput(_ slot: Int) {
        let record = sessions.records + slot
        if record.pointee.partCount > 1, let more = record.pointee.moreParts {
            giveBackParts(more, Self.partCapacity(Int(record.pointee.partCount) &- 1))
            record.pointee.moreParts = nil
        }
        record.pointee.partCount = 0
    }

    mutating func keepBack(_ record: UnsafeMutablePointer<SessionRecord>, _ bytes: UnsafeRawBufferPointer) {
        record.pointee.backlog.append(bytes, pool: &pool)
        counts.pointee.bytesBacklogged &+= UInt64(bytes.count)
    }

    /// A session above its cap ends; the cap is checked whenever the backlog grows.
    mutating func checkBacklog(_ slot: Int) {
        let record = sessions.records + slot
        guard record.pointee.backlog.byteCount > configuration.backlogLimit, record.pointee.phase == .open else {
            return
        }
        requestEnd(slot, .slowReader)
    }
}
