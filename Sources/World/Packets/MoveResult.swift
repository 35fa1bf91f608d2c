// SPDX-License-Identifier: Apache-2.0

public import Wire

/// The outcome of `Move`, as `MoveResult.code` says it.
public enum MoveCode: UInt8, Hashable, Sendable, BitwiseCopyable {
    /// The player stands on the tile that he asked for.
    case ok = 0
    /// The tile is not one of the eight around the player.
    case notNeighbour = 1
    /// The tile is not on the map.
    case outsideMap = 2
    /// The last step was less than the move interval ago.
    case tooSoon = 3
    /// The session has no player in the world; the position means nothing.
    case notInWorld = 4
}

/// The answer to `Move`, private to the mover, sent in the tick that applied or refused the step.
public struct MoveResult: Packet, Hashable, BitwiseCopyable {
    /// Packet type 135.
    public static let type: PacketType = 135
    /// 17 bytes.
    public static let bodySize = 17...17

    /// Of the move.
    public var sequence: UInt32
    /// Of the move.
    public var clientTime: UInt64
    /// A `MoveCode`; 0 is ok.
    public var code: UInt8
    /// The column where the player stands now.
    public var x: UInt16
    /// The row where the player stands now.
    public var y: UInt16

    /// Makes an answer.
    public init(sequence: UInt32, clientTime: UInt64, code: MoveCode, x: UInt16, y: UInt16) {
        self.sequence = sequence
        self.clientTime = clientTime
        self.code = code.rawValue
        self.x = x
        self.y = y
    }

    /// Reads the fields.
    @inlinable
    public init(from reader: inout PacketReader) throws(DecodeError) {
        sequence = try reader.read()
        clientTime = try reader.read()
        code = try reader.read()
        x = try reader.read()
        y = try reader.read()
    }

    /// Writes the fields.
    @inlinable
    public func encode(to writer: inout PacketWriter) {
        writer.write(sequence)
        writer.write(clientTime)
        writer.write(code)
        writer.write(x)
        writer.write(y)
    }
}
