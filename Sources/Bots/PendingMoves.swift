// SPDX-License-Identifier: Apache-2.0

/// The tiles of moves that have been sent and not answered, oldest first: a ring that grows, four bytes a move.
///
/// Sequence and time of a move follow from its number, so they need no memory.
struct PendingMoves {
    private var tiles: UnsafeMutablePointer<UInt32>?
    private var capacity: UInt32 = 0
    private var first: UInt32 = 0
    private(set) var count: UInt32 = 0

    mutating func append(x: UInt16, y: UInt16) {
        if count == capacity { grow() }
        tiles?[Int((first &+ count) & (capacity &- 1))] = UInt32(x) << 16 | UInt32(y)
        count &+= 1
    }

    /// Takes the oldest; nil when there is none.
    mutating func takeFirst() -> (x: UInt16, y: UInt16)? {
        guard count > 0, let tiles else { return nil }
        let tile = tiles[Int(first)]
        first = (first &+ 1) & (capacity &- 1)
        count &-= 1
        return (UInt16(truncatingIfNeeded: tile >> 16), UInt16(truncatingIfNeeded: tile))
    }

    /// Forgets everything and gives the memory back.
    mutating func release() {
        tiles?.deallocate()
        self = PendingMoves()
    }

    private mutating func grow() {
        let fresh = UnsafeMutablePointer<UInt32>.allocate(capacity: Int(max(capacity &* 2, 4)))
        if let tiles {
            for index in 0..<count { fresh[Int(index)] = tiles[Int((first &+ index) & (capacity &- 1))] }
            tiles.deallocate()
        }
        tiles = fresh
        capacity = max(capacity &* 2, 4)
        first = 0
    }
}
