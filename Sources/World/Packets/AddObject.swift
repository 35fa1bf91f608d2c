// SPDX-License-Identifier: Apache-2.0

public import Wire

/// What an object is.
public enum ObjectKind: UInt8, Hashable, Sendable, BitwiseCopyable {
    /// A player's character.
    case player = 0
    /// A monster.
    case monster = 1
}

/// An object came into what the client is told of.
public struct AddObject: Packet, Hashable {
    /// Packet type 130.
    public static let type: PacketType = 130
    /// Fixed fields and an empty to a 20-byte name.
    public static let bodySize = 10...30

    /// Never reused within a run.
    public var object: UInt32
    /// What it is.
    public var kind: ObjectKind
    /// The column.
    public var x: UInt16
    /// The row.
    public var y: UInt16
    /// What stands above its head.
    public var name: Name

    /// Makes the packet.
    public init(object: UInt32, kind: ObjectKind, x: UInt16, y: UInt16, name: Name) {
        self.object = object
        self.kind = kind
        self.x = x
        self.y = y
        self.name = name
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        object = try reader.read()
        guard let kind = ObjectKind(rawValue: try reader.read()) else { throw .invalidValue }
        self.kind = kind
        x = try reader.read()
        y = try reader.read()
        name = try reader.readText()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(object)
        writer.write(kind.rawValue)
        writer.write(x)
        writer.write(y)
        writer.write(name)
    }
}
