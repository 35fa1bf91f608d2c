// SPDX-License-Identifier: Apache-2.0

public import Wire

/// The outcome of `SelectCharacter`, as `EnterWorld.code` says it.
public enum EnterCode: UInt8, Hashable, Sendable, BitwiseCopyable {
    /// The player stands in the world.
    case ok = 0
    /// The session has a player in the world already; its object and position are told.
    case alreadyInWorld = 1
    /// The account has no such character.
    case noSuchCharacter = 2
    /// The server takes no more players.
    case full = 3
    /// The server cannot tell where the character is; the selection may be tried again.
    case unavailable = 4
}

/// The answer to `SelectCharacter`: who the player is, where he stands, and the rules of the map.
public struct EnterWorld: Packet, Hashable {
    /// Packet type 129.
    public static let type: PacketType = 129
    /// 20 bytes.
    public static let bodySize = 20...20

    /// Of the selection.
    public var request: UInt32
    /// An `EnterCode`; 0 is ok.
    public var code: UInt8
    /// The player's own object. He ignores it in shared packets.
    public var object: UInt32
    /// The column.
    public var x: UInt16
    /// The row.
    public var y: UInt16
    /// Tiles from west to east.
    public var width: UInt16
    /// Tiles from north to south.
    public var height: UInt16
    /// The side in tiles of the square around the player that is always told; 15 is 7 tiles in each direction.
    public var view: UInt8
    /// Milliseconds from tick to tick.
    public var tick: UInt16

    /// Makes an answer; the rules are those of `configuration`.
    public init(
        request: UInt32, code: EnterCode, object: UInt32, x: UInt16, y: UInt16, configuration: WorldConfiguration
    ) {
        self.request = request
        self.code = code.rawValue
        self.object = object
        self.x = x
        self.y = y
        width = UInt16(truncatingIfNeeded: configuration.width)
        height = UInt16(truncatingIfNeeded: configuration.height)
        view = UInt8(clamping: 2 * configuration.viewRadius + 1)
        tick = UInt16(truncatingIfNeeded: configuration.tickMilliseconds)
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        request = try reader.read()
        code = try reader.read()
        object = try reader.read()
        x = try reader.read()
        y = try reader.read()
        width = try reader.read()
        height = try reader.read()
        view = try reader.read()
        tick = try reader.read()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(request)
        writer.write(code)
        writer.write(object)
        writer.write(x)
        writer.write(y)
        writer.write(width)
        writer.write(height)
        writer.write(view)
        writer.write(tick)
    }
}
