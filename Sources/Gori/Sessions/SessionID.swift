// SPDX-License-Identifier: Apache-2.0

/// Which session, for as long as the server runs: `worker:8 | slot:24 | generation:32`.
///
/// The only thing of a session that may be kept, compared and sent to other threads. A stale one names nobody.
public struct SessionID: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The 64 bits.
    public let rawValue: UInt64

    /// Makes an id of its bits.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    @inlinable
    init(worker: Int, slot: Int, generation: UInt32) {
        let place = UInt64(truncatingIfNeeded: worker) << 24 | UInt64(truncatingIfNeeded: slot)
        rawValue = place << 32 | UInt64(generation)
    }

    /// The worker that the session lives on.
    @inlinable
    public var worker: Int { Int(truncatingIfNeeded: rawValue >> 56) }

    @inlinable
    var slot: Int { Int(truncatingIfNeeded: rawValue >> 32 & 0xFF_FFFF) }

    @inlinable
    var generation: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
}

extension SessionID: CustomStringConvertible {
    /// `worker.slot.generation`, as it stands in logs.
    public var description: String { "\(worker).\(slot).\(generation)" }
}
