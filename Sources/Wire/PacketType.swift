// SPDX-License-Identifier: Apache-2.0

/// The number in a packet's header that says which packet it is.
///
/// Types 1–15 belong to the session layer (`Hello`, `Welcome`, `Goodbye`, `Ping`, `Pong`); games start at 16.
/// With `sessionLayer: none` every type is the game's.
public struct PacketType: RawRepresentable, Hashable, Sendable, BitwiseCopyable, ExpressibleByIntegerLiteral {
    /// The value as it stands in the header.
    public let rawValue: UInt16

    /// Makes a type of its number.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Makes a type of a literal, as in `static let type: PacketType = 20`.
    @inlinable
    public init(integerLiteral value: UInt16) { rawValue = value }

    /// The first type that a game may use when the session layer is on.
    @inlinable @inline(__always)
    public static var firstOfGame: PacketType { PacketType(rawValue: 16) }
}

extension PacketType: CustomStringConvertible {
    /// The decimal number.
    public var description: String { String(rawValue) }
}
