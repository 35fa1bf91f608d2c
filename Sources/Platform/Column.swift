// SPDX-License-Identifier: Apache-2.0

/// A growing row of plain values in memory of its own: an array without reference counts and copies on write, whose
/// count is known without touching that memory.
///
/// Emptying keeps the memory, so that a step which needs no more room than an earlier one does not touch the heap.
/// Every subscript is checked, in release too. A column takes 16 bytes, so that those of a turn share few cache lines,
/// and holds at most `UInt32.max` values.
///
/// Public, because the compiler puts what is `package` into no other module's code: each call would be a call.
public struct Column<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<Element>
    @usableFromInline var used: UInt32 = 0
    @usableFromInline var capacity: UInt32

    /// Makes an empty column with room for `capacity` values.
    @inlinable
    public init(capacity: Int = 16) {
        self.capacity = UInt32(max(capacity, 1))
        base = .allocate(capacity: max(capacity, 1))
    }

    /// Makes a column of `count` times the same value.
    @inlinable
    public init(repeating value: Element, count: Int) {
        self.init(capacity: count)
        base.initialize(repeating: value, count: count)
        used = UInt32(count)
    }

    deinit { base.deallocate() }

    /// How many values there are.
    @inlinable @inline(__always)
    public var count: Int { Int(used) }

    /// Whether there is no value.
    @inlinable @inline(__always)
    public var isEmpty: Bool { used == 0 }

    /// The value at `index`.
    ///
    /// - Precondition: `index` is one of `0..<count`.
    @inlinable @inline(__always)
    public subscript(index: Int) -> Element {
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
    @inlinable @inline(__always)
    public subscript(index: UInt32) -> Element {
        get { self[Int(index)] }
        _modify { yield &self[Int(index)] }
    }

    /// The values as they lie; valid until the next change.
    @inlinable
    public var view: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: base, count: count) }

    /// Adds a value at the end.
    @inlinable @inline(__always)
    public mutating func append(_ value: Element) {
        if used == capacity { grow() }
        (base + count).initialize(to: value)
        used &+= 1
    }

    /// Adds all values of another column at the end.
    @inlinable
    public mutating func append(contentsOf values: borrowing Column) {
        for index in 0..<values.count { append(values[index]) }
    }

    /// Takes the last value, nil when there is none.
    @inlinable
    public mutating func popLast() -> Element? {
        guard used > 0 else { return nil }
        used &-= 1
        return base[count]
    }

    /// Forgets all values and keeps the memory.
    @inlinable @inline(__always)
    public mutating func removeAll() { used = 0 }

    /// Forgets the first values; the others move up.
    ///
    /// - Precondition: `removed` is one of `0...count`.
    @inlinable
    public mutating func removeFirst(_ removed: Int) {
        precondition(removed >= 0 && removed <= count, "no more than there are")
        used &-= UInt32(removed)
        base.update(from: base + removed, count: count)
    }

    /// Forgets the last values.
    ///
    /// - Precondition: `removed` is one of `0...count`.
    @inlinable
    public mutating func removeLast(_ removed: Int) {
        precondition(removed >= 0 && removed <= count, "no more than there are")
        used &-= UInt32(removed)
    }

    @usableFromInline @inline(never)
    mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: Int(capacity) * 2)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
        capacity *= 2
    }
}
