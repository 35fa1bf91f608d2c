// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// A count that one thread raises and any thread may read at any time.
///
/// Raising is a load and a store, not an atomic addition, which would cost a locked instruction: so only the owner may
/// raise it. A reader gets some value that the count had; two counts read one after the other need not fit together.
public struct LiveCount: ~Copyable, Sendable {
    @usableFromInline let word = Atomic<UInt64>(0)

    /// Zero.
    @inlinable
    public init() {}

    /// Raises it. Called by the owner.
    @inlinable @inline(__always)
    public static func &+= (count: borrowing LiveCount, amount: UInt64) {
        count.word.store(count.word.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Raises it by one, and returns how much it is then. Called by the owner.
    @inlinable @inline(__always)
    public func next() -> UInt64 {
        let value = word.load(ordering: .relaxed) &+ 1
        word.store(value, ordering: .relaxed)
        return value
    }

    /// Says how much there is now, for what also becomes less. Called by the owner.
    @inlinable @inline(__always)
    public func set(_ value: UInt64) { word.store(value, ordering: .relaxed) }

    /// How much it is, for any thread.
    @inlinable @inline(__always)
    public var value: UInt64 { word.load(ordering: .relaxed) }
}

/// Reading of structures that are nothing but live counts.
public enum LiveCounts {
    /// Adds every count of a structure to the words of a plain one with the same counts in the same order.
    public static func add<Counts: ~Copyable, Sums: BitwiseCopyable>(
        _ counts: UnsafePointer<Counts>, to sums: inout Sums
    ) {
        precondition(MemoryLayout<Counts>.size == MemoryLayout<Sums>.size, "the same counts")
        let live = UnsafeRawPointer(counts)
        withUnsafeMutableBytes(of: &sums) { words in
            for offset in stride(from: 0, to: words.count, by: MemoryLayout<UInt64>.size) {
                let count = (live + offset).assumingMemoryBound(to: LiveCount.self)
                let sum = words.load(fromByteOffset: offset, as: UInt64.self) &+ count.pointee.value
                words.storeBytes(of: sum, toByteOffset: offset, as: UInt64.self)
            }
        }
    }
}
