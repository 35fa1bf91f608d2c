// SPDX-License-Identifier: Apache-2.0

/// A growing row of plain values in memory of its own: an array without reference counts and copies on write.
///
/// Emptying keeps the memory, so that a step which needs no more room than an earlier one does not touch the heap.
/// Every subscript is checked, in release too.
package struct Column<Element: BitwiseCopyable>: ~Copyable {
    private var base: UnsafeMutablePointer<Element>
    /// How many values there are.
    package private(set) var count = 0
    private var capacity: Int

    /// Makes an empty column with room for `capacity` values.
    package init(capacity: Int = 16) {
        self.capacity = max(capacity, 1)
        base = .allocate(capacity: self.capacity)
    }

    /// Makes a column of `count` times the same value.
    package init(repeating value: Element, count: Int) {
        self.init(capacity: count)
        base.initialize(repeating: value, count: count)
        self.count = count
    }

    deinit { base.deallocate() }

    /// Whether there is no value.
    package var isEmpty: Bool { count == 0 }

    /// The value at `index`.
    ///
    /// - Precondition: `index` is one of `0..<count`.
    package subscript(index: Int) -> Element {
        get {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "outside of the column")
            return base[index]
        }
        _modify {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "outside of the column")
            yield &base[index]
        }
    }

    /// The value at an index that is stored in 32 bits.
    package subscript(index: UInt32) -> Element {
        get { self[Int(index)] }
        _modify { yield &self[Int(index)] }
    }

    /// The values as they lie; valid until the next change.
    package var view: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: base, count: count) }

    /// Adds a value at the end.
    package mutating func append(_ value: Element) {
        if count == capacity { grow() }
        (base + count).initialize(to: value)
        count &+= 1
    }

    /// Forgets all values and keeps the memory.
    package mutating func removeAll() { count = 0 }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
        capacity *= 2
    }
}
