// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// From 64-bit keys to indices: open addressing, linear probing, at most half full, no tombstones.
///
/// A library dictionary costs ten times as much for a look-up and has an order of its own; this one cannot be
/// iterated at all. Keys come from servers and directories, never from a packet, so nobody can aim at one bucket.
package struct IndexTable: ~Copyable {
    /// What stands for "no index".
    package static let none = UInt32.max

    struct Bucket: BitwiseCopyable {
        var key: UInt64
        var index: UInt32
    }

    private var buckets: Column<Bucket>
    private var mask: Int
    /// How many keys there are.
    package private(set) var count = 0

    /// Makes an empty table that holds `capacity` keys before it grows.
    package init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        buckets = Column(repeating: Bucket(key: 0, index: Self.none), count: size)
        mask = size - 1
    }

    /// The index of `key`, or `none`.
    package subscript(key: UInt64) -> UInt32 { buckets[place(of: key)].index }

    /// Sets the index of `key`, new or not.
    ///
    /// - Precondition: `index` is not `none`.
    package mutating func set(_ key: UInt64, to index: UInt32) {
        precondition(index != Self.none, "the index that stands for none")
        let place = place(of: key)
        if buckets[place].index == Self.none {
            count += 1
            if count * 2 > buckets.count {
                grow()
                return insertNew(key, index)
            }
        }
        buckets[place] = Bucket(key: key, index: index)
    }

    /// Forgets `key`; nothing happens when it is not there.
    ///
    /// What stands behind the hole and would not be found across it moves up, so no tombstone is needed.
    package mutating func remove(_ key: UInt64) {
        var hole = place(of: key)
        guard buckets[hole].index != Self.none else { return }
        count -= 1
        var next = (hole + 1) & mask
        while buckets[next].index != Self.none {
            let home = home(of: buckets[next].key)
            if (next - home) & mask >= (next - hole) & mask {
                buckets[hole] = buckets[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        buckets[hole].index = Self.none
    }

    private func home(of key: UInt64) -> Int { Int(truncatingIfNeeded: mix(key)) & mask }

    private func place(of key: UInt64) -> Int {
        var place = home(of: key)
        while buckets[place].index != Self.none, buckets[place].key != key { place = (place + 1) & mask }
        return place
    }

    private mutating func insertNew(_ key: UInt64, _ index: UInt32) {
        buckets[place(of: key)] = Bucket(key: key, index: index)
    }

    private mutating func grow() {
        let size = buckets.count * 2
        var old = Column(repeating: Bucket(key: 0, index: Self.none), count: size)
        swap(&old, &buckets)
        mask = size - 1
        for place in 0..<old.count where old[place].index != Self.none {
            insertNew(old[place].key, old[place].index)
        }
    }
}
