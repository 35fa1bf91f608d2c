// SPDX-License-Identifier: Apache-2.0

/// What travels through the kernel and comes back with every completion: slot, generation and operation in 64 bits,
/// `slot:24 | generation:32 | operation:8` from the top. Never a reference: a stale key is found by its generation.
///
/// The owner of a table (the session table for streams) gives out slots and generations; the port keeps its own state
/// for a slot beside it. It is the completion key of a Windows completion port (`CreateIoCompletionPort`).
public struct CompletionKey: Hashable, Sendable, BitwiseCopyable {
    /// The 64 bits, operation byte zero.
    public let rawValue: UInt64

    /// How many slots a table can have.
    public static let slotLimit = 1 << 24

    /// Makes a key.
    ///
    /// - Precondition: `slot` is in `0 ..< slotLimit`.
    @inlinable
    public init(slot: Int, generation: UInt32) {
        precondition(slot >= 0 && slot < CompletionKey.slotLimit)
        rawValue = UInt64(truncatingIfNeeded: slot) << 40 | UInt64(generation) << 8
    }

    /// Takes slot and generation out of a completion's user data, whatever its operation.
    @inlinable
    public init(userData: UInt64) { rawValue = userData & ~0xFF }

    /// The place in its table.
    @inlinable
    public var slot: Int { Int(truncatingIfNeeded: rawValue >> 40) }

    /// How often the place had been given out before.
    @inlinable
    public var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 8) }
}
