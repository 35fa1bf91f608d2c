// SPDX-License-Identifier: Apache-2.0

/// The answer to `Ping`. Its layout never changes.
public struct Pong: Packet, Hashable {
    /// Packet type 5.
    public static let type: PacketType = 5
    /// 16 bytes.
    public static let bodySize = 16...16

    /// The token of the ping that it answers.
    public var token: UInt64
    /// Microseconds since the answering side started, monotonic.
    public var time: UInt64

    /// Makes a pong.
    @inlinable
    public init(token: UInt64, time: UInt64) {
        self.token = token
        self.time = time
    }

    /// Reads the fields.
    @inlinable
    public init(from reader: inout PacketReader) throws(DecodeError) {
        token = try reader.read()
        time = try reader.read()
    }

    /// Writes the fields.
    @inlinable
    public func encode(to writer: inout PacketWriter) {
        writer.write(token)
        writer.write(time)
    }
}
