// SPDX-License-Identifier: Apache-2.0

/// "Are you there?", from either side after `Welcome`. Its layout never changes.
public struct Ping: Packet, Hashable {
    /// Packet type 4.
    public static let type: PacketType = 4
    /// 8 bytes.
    public static let bodySize = 8...8

    /// Opaque to the other side, which sends it back.
    public var token: UInt64

    /// Makes a ping.
    @inlinable
    public init(token: UInt64) { self.token = token }

    /// Reads the field.
    @inlinable
    public init(from reader: inout PacketReader) throws(DecodeError) { token = try reader.read() }

    /// Writes the field.
    @inlinable
    public func encode(to writer: inout PacketWriter) { writer.write(token) }
}
