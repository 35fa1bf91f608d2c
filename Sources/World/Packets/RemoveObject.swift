// SPDX-License-Identifier: Apache-2.0

public import Wire

/// An object left what the client is told of, or the world.
public struct RemoveObject: Packet, Hashable, BitwiseCopyable {
    /// Packet type 132.
    public static let type: PacketType = 132
    /// 4 bytes.
    public static let bodySize = 4...4

    /// Known from `AddObject`.
    public var object: UInt32

    /// Makes the packet.
    public init(object: UInt32) {
        self.object = object
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        object = try reader.read()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(object)
    }
}
