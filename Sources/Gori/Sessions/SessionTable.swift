// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped
internal import Platform

/// A worker's sessions: slots with generations, given out first in first out, so that a generation lasts.
///
/// Memory is reserved for all slots and resident for those that were used.
struct SessionTable: ~Copyable {
    let records: UnsafeMutablePointer<SessionRecord>
    let capacity: Int
    /// Slots in use.
    private(set) var count = 0
    private let freeSlots: UnsafeMutablePointer<Int32>
    private var freeHead = 0
    private var freeCount: Int
    private var untouched = 0

    init(capacity: Int) {
        precondition(capacity > 0 && capacity < CompletionKey.slotLimit)
        guard
            let records = SlotMemory.map(SessionRecord.self, capacity: capacity),
            let queue = calloc(capacity, MemoryLayout<Int32>.stride)
        else { preconditionFailure("no memory for \(capacity) sessions") }
        self.records = records
        freeSlots = queue.bindMemory(to: Int32.self, capacity: capacity)
        self.capacity = capacity
        freeCount = 0
    }

    deinit {
        SlotMemory.unmap(records, capacity: capacity)
        free(freeSlots)
    }

    /// A fresh record, nil when the table is full. Slots that were never used are taken last, so that a server with
    /// few sessions touches little memory, and only once a short queue of used ones is there to age.
    mutating func take() -> Int? {
        let slot: Int
        if freeCount > 64 || untouched == capacity {
            guard freeCount > 0 else { return nil }
            slot = Int(freeSlots[freeHead])
            freeHead = freeHead &+ 1 == capacity ? 0 : freeHead &+ 1
            freeCount &-= 1
        } else {
            slot = untouched
            untouched &+= 1
        }
        count &+= 1
        records[slot] = SessionRecord(generation: records[slot].generation)
        return slot
    }

    /// Frees a slot under a new generation.
    mutating func giveBack(_ slot: Int) {
        precondition(records[slot].phase != .free, "a slot is given back once")
        records[slot].phase = .free
        records[slot].generation &+= 1
        var tail = freeHead &+ freeCount
        if tail >= capacity { tail &-= capacity }
        freeSlots[tail] = Int32(truncatingIfNeeded: slot)
        freeCount &+= 1
        count &-= 1
    }

    /// The record of an id, nil when the session has ended.
    @inline(__always)
    func find(slot: Int, generation: UInt32) -> UnsafeMutablePointer<SessionRecord>? {
        guard slot < capacity else { return nil }
        let record = records + slot
        guard record.pointee.generation == generation, record.pointee.phase != .free else { return nil }
        return record
    }

    /// Slots that may be in use: below this.
    var slotsTouched: Int { untouched }
}
