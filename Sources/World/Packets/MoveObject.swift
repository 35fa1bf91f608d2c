// SPDX-License-Identifier: Apache-2.0

public import Wire

/// An object that the client knows stands on another tile.
public struct MoveObject: Packet, Hashable, BitwiseCopyable {
    /// Packet type 131.
    public static let type: PacketType = 131
    /// 8 bytes.
    public static let bodySize = 8...8

    /// Known from `AddObject`.
    public var object: UInt32
    /// The column where it stands at the end of the tick.
    public var x: UInt16
    /// The row where it stands at the end of the tick.
    public var y: UInt16

    /// Makes the packet.
    public init(object: UInt32, x: UInt16, y: UInt16) {
        self.object = object
        self.x = x
        self.y = y
    }

    /// Reads the fields.
    @inlinable
    public init(from reader: inout PacketReader) throws(DecodeError) {
        object = try reader.read()
        x = try reader.read()
        y = try reader.read()
    }

    /// Writes the fields.
    @inlinable
    public func encode(to writer: inout PacketWriter) {
        writer.write(object)
        writer.write(x)
        writer.write(y)
    }
}
