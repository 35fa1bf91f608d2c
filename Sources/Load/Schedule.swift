// SPDX-License-Identifier: Apache-2.0

/// When each connection is next due: a wheel of milliseconds, one entry for each connection at most.
///
/// Times are whole milliseconds since the start of the run, so that those due together leave in one turn without
/// anyone being late. An entry keeps its intended time however late it is taken: that is what makes a load open-loop.
///
/// Invariant: an entry lies in the bucket of `max(intended, cursor)` as of when it was set, or in `firing`; all
/// buckets before `cursor` are empty but for entries more than one turn of the wheel ahead.
struct Schedule: ~Copyable {
    private struct Entry {
        var next: Int32 = -1
        var previous: Int32 = -1
        /// The list that it is in, -1: none.
        var home: Int32 = -1
        var intended: UInt32 = 0
    }

    private static let bucketCount = 4_096
    /// The list of entries that are due and not taken yet.
    private static let firing = bucketCount

    private let entries: UnsafeMutablePointer<Entry>
    private let capacity: Int
    private let heads: UnsafeMutablePointer<Int32>
    /// A bit for every bucket that is not empty.
    private let occupied: UnsafeMutablePointer<UInt64>
    /// The first millisecond that has not been looked at.
    private var cursor: UInt32 = 0

    init(capacity: Int) {
        self.capacity = capacity
        entries = .allocate(capacity: capacity)
        entries.initialize(repeating: Entry(), count: capacity)
        heads = .allocate(capacity: Self.bucketCount + 1)
        heads.initialize(repeating: -1, count: Self.bucketCount + 1)
        occupied = .allocate(capacity: Self.bucketCount / 64)
        occupied.initialize(repeating: 0, count: Self.bucketCount / 64)
    }

    deinit {
        entries.deallocate()
        heads.deallocate()
        occupied.deallocate()
    }

    /// Sets the time of an entry; a time set before is forgotten.
    mutating func set(_ entry: Int, at intended: UInt32) {
        precondition(entry >= 0 && entry < capacity)
        cancel(entry)
        entries[entry].intended = intended
        link(Int32(truncatingIfNeeded: entry), into: Int(max(intended, cursor)) & (Self.bucketCount - 1))
    }

    /// Forgets the time of an entry.
    mutating func cancel(_ entry: Int) {
        precondition(entry >= 0 && entry < capacity)
        guard entries[entry].home >= 0 else { return }
        unlink(Int32(truncatingIfNeeded: entry))
    }

    /// Takes an entry that is due at `now`, in the order of milliseconds; nil when there is none left.
    mutating func takeDue(at now: UInt32) -> (entry: Int, intended: UInt32)? {
        while heads[Self.firing] < 0 {
            guard cursor <= now else { return nil }
            collect(Int(cursor) & (Self.bucketCount - 1))
            cursor &+= 1
        }
        let entry = heads[Self.firing]
        unlink(entry)
        return (Int(entry), entries[Int(entry)].intended)
    }

    /// The next millisecond at which something may be due; nil when nothing is scheduled.
    var nextTime: UInt32? {
        if heads[Self.firing] >= 0 { return cursor }
        var step = 0
        while step < Self.bucketCount {
            let bucket = (Int(cursor) &+ step) & (Self.bucketCount - 1)
            let rest = occupied[bucket >> 6] >> UInt64(bucket & 63)
            if rest != 0 { return cursor &+ UInt32(truncatingIfNeeded: step &+ rest.trailingZeroBitCount) }
            step &+= 64 &- (bucket & 63)
        }
        return nil
    }

    /// Moves what is due from a bucket to `firing`; the rest is for a later turn of the wheel.
    private mutating func collect(_ bucket: Int) {
        var entry = heads[bucket]
        while entry >= 0 {
            let next = entries[Int(entry)].next
            if entries[Int(entry)].intended <= cursor {
                unlink(entry)
                link(entry, into: Self.firing)
            }
            entry = next
        }
    }

    private mutating func link(_ entry: Int32, into list: Int) {
        let head = heads[list]
        entries[Int(entry)].home = Int32(truncatingIfNeeded: list)
        entries[Int(entry)].previous = -1
        entries[Int(entry)].next = head
        if head >= 0 { entries[Int(head)].previous = entry }
        heads[list] = entry
        if list != Self.firing { occupied[list >> 6] |= 1 << UInt64(list & 63) }
    }

    private mutating func unlink(_ entry: Int32) {
        let old = entries[Int(entry)]
        let list = Int(old.home)
        if old.previous >= 0 { entries[Int(old.previous)].next = old.next } else { heads[list] = old.next }
        if old.next >= 0 { entries[Int(old.next)].previous = old.previous }
        if heads[list] < 0, list != Self.firing { occupied[list >> 6] &= ~(1 << UInt64(list & 63)) }
        entries[Int(entry)].home = -1
    }
}
