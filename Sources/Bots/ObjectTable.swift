// SPDX-License-Identifier: Apache-2.0

/// The objects that a bot knows and where they stand: eight bytes each, open addressing, no memory while empty.
///
/// Object in the upper half, column and row below. All bits set means empty: it would be a position that no map has,
/// because columns are below 65,535, and positions are clamped when they are stored.
struct ObjectTable {
    private static let empty = UInt64.max
    private static let smallestCapacity = 8
    private var entries: UnsafeMutablePointer<UInt64>?
    private var capacity: UInt32 = 0
    private(set) var count: UInt32 = 0

    /// Adds an object.
    ///
    /// - Returns: false when it is there already; its position is the new one then.
    mutating func insert(_ object: UInt32, x: UInt16, y: UInt16) -> Bool {
        if (count &+ 1) &* 4 > capacity &* 3 { grow() }
        guard let entries else { return false }
        let place = find(object)
        let isNew = entries[place] == Self.empty
        entries[place] = Self.entry(object, x, y)
        if isNew { count &+= 1 }
        return isNew
    }

    /// Sets the position of an object.
    ///
    /// - Returns: where it stood, nil when it is unknown.
    mutating func move(_ object: UInt32, x: UInt16, y: UInt16) -> (x: UInt16, y: UInt16)? {
        guard let entries else { return nil }
        let place = find(object)
        let old = entries[place]
        guard old != Self.empty else { return nil }
        entries[place] = Self.entry(object, x, y)
        return (UInt16(truncatingIfNeeded: old >> 16), UInt16(truncatingIfNeeded: old))
    }

    func contains(_ object: UInt32) -> Bool { position(of: object) != nil }

    /// Where an object stands; nil when it is unknown.
    func position(of object: UInt32) -> (x: UInt16, y: UInt16)? {
        guard let entries else { return nil }
        let entry = entries[find(object)]
        return entry == Self.empty ? nil : (UInt16(truncatingIfNeeded: entry >> 16), UInt16(truncatingIfNeeded: entry))
    }

    /// Reads the place where an object would be, so that it is in the cache when the object is asked for.
    ///
    /// - Returns: what is there, to be put somewhere; otherwise nothing would be read.
    @inline(__always)
    func touch(_ object: UInt32) -> UInt64 { entries.map { $0[home(of: object)] } ?? 0 }

    /// Forgets an object.
    ///
    /// - Returns: false when it is unknown.
    mutating func remove(_ object: UInt32) -> Bool {
        guard let entries else { return false }
        var hole = find(object)
        guard entries[hole] != Self.empty else { return false }
        count &-= 1
        // Those behind the hole move up unless it lies before their own place, so that searches still find them.
        let mask = Int(capacity) - 1
        var next = (hole + 1) & mask
        while entries[next] != Self.empty {
            let home = home(of: UInt32(truncatingIfNeeded: entries[next] >> 32))
            if (next &- home) & mask >= (next &- hole) & mask {
                entries[hole] = entries[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        entries[hole] = Self.empty
        return true
    }

    /// Forgets everything and gives the memory back.
    mutating func release() {
        entries?.deallocate()
        entries = nil
        capacity = 0
        count = 0
    }

    private static func entry(_ object: UInt32, _ x: UInt16, _ y: UInt16) -> UInt64 {
        UInt64(object) << 32 | UInt64(min(x, .max - 1)) << 16 | UInt64(y)
    }

    @inline(__always)
    private func home(of object: UInt32) -> Int {
        // Fibonacci hashing: neighbouring objects spread over the table.
        Int(object &* 2_654_435_769 >> 7) & (Int(capacity) - 1)
    }

    /// The place of an object, or the empty one where it would go.
    @inline(__always)
    private func find(_ object: UInt32) -> Int {
        var place = home(of: object)
        guard let entries else { return place }
        while entries[place] != Self.empty, UInt32(truncatingIfNeeded: entries[place] >> 32) != object {
            place = (place + 1) & (Int(capacity) - 1)
        }
        return place
    }

    private mutating func grow() {
        let old = entries
        let oldCapacity = Int(capacity)
        capacity = UInt32(max(Self.smallestCapacity, oldCapacity * 2))
        let fresh = UnsafeMutablePointer<UInt64>.allocate(capacity: Int(capacity))
        fresh.initialize(repeating: Self.empty, count: Int(capacity))
        entries = fresh
        guard let old else { return }
        for index in 0..<oldCapacity where old[index] != Self.empty {
            fresh[find(UInt32(truncatingIfNeeded: old[index] >> 32))] = old[index]
        }
        old.deallocate()
    }
}
