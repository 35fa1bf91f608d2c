// SPDX-License-Identifier: Apache-2.0

/// Slots of a turn, appended one by one and forgotten together.
///
/// An array would do the same, but asks at every append and removal whether it is its only owner.
struct SlotList: ~Copyable {
    private var slots: UnsafeMutablePointer<Int32>
    private var capacity: Int
    private(set) var count = 0

    /// - Parameter capacity: for how many there is room at first, 1 or more.
    init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
        slots = .allocate(capacity: capacity)
    }

    deinit { slots.deallocate() }

    var isEmpty: Bool { count == 0 }

    @inline(__always)
    subscript(position: Int) -> Int {
        precondition(position >= 0 && position < count)
        return Int(slots[position])
    }

    @inline(__always)
    mutating func append(_ slot: Int) {
        if count == capacity { grow() }
        slots[count] = Int32(truncatingIfNeeded: slot)
        count &+= 1
    }

    @inline(__always)
    mutating func removeAll() { count = 0 }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<Int32>.allocate(capacity: capacity * 2)
        larger.update(from: slots, count: count)
        slots.deallocate()
        slots = larger
        capacity *= 2
    }
}
