// SPDX-License-Identifier: Apache-2.0

public import Wire

/// The client takes its player out of the world. Answered by `RequestResult`.
public struct Logout: Packet, Hashable {
    /// Packet type 28.
    public static let type: PacketType = 28
    /// 4 bytes.
    public static let bodySize = 4...4

    /// Comes back in the answer.
    public var request: UInt32

    /// Makes the packet.
    public init(request: UInt32) {
        self.request = request
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        request = try reader.read()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(request)
    }
}
