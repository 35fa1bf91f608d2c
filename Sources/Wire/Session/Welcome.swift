// SPDX-License-Identifier: Apache-2.0

/// The server's answer to a `Hello` that it accepts. Its layout never changes.
public struct Welcome: Packet, Hashable {
    /// Packet type 2.
    public static let type: PacketType = 2
    /// 20 bytes.
    public static let bodySize = 20...20

    /// The session's number for logs; it is no secret and proves nothing.
    public var session: UInt64
    /// Microseconds since the server started, monotonic.
    public var serverTime: UInt64
    /// The heartbeat in milliseconds; 0: none.
    public var heartbeat: UInt16
    /// The largest packet in bytes that the server accepts.
    public var maximumPacket: UInt16

    /// Makes a welcome.
    public init(session: UInt64, serverTime: UInt64, heartbeat: UInt16, maximumPacket: UInt16) {
        self.session = session
        self.serverTime = serverTime
        self.heartbeat = heartbeat
        self.maximumPacket = maximumPacket
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        session = try reader.read()
        serverTime = try reader.read()
        heartbeat = try reader.read()
        maximumPacket = try reader.read()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(session)
        writer.write(serverTime)
        writer.write(heartbeat)
        writer.write(maximumPacket)
    }
}
