// SPDX-License-Identifier: Apache-2.0

/// A set of sessions, wherever they live, that get the same packets: a room, a party, a channel.
///
/// The number is the application's choice. A group exists while it has members. Order: one publisher's packets arrive
/// in the order published, and after what that session was sent before; between groups and between publishers on
/// different workers there is no order. Joining is seen by other workers a moment later.
public struct Group: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The application's number.
    public let rawValue: UInt64

    /// Names a group.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Names a group.
    @inlinable
    public init(_ number: Int) { rawValue = UInt64(bitPattern: Int64(number)) }
}
