// SPDX-License-Identifier: Apache-2.0

public import Wire

/// The client steps to a neighbouring tile. Answered by `MoveResult`.
public struct Move: Packet, Hashable, BitwiseCopyable {
    /// Packet type 20.
    public static let type: PacketType = 20
    /// 16 bytes.
    public static let bodySize = 16...16

    /// Comes back in the answer; the server gives it no meaning.
    public var sequence: UInt32
    /// Comes back in the answer; the server gives it no meaning.
    public var clientTime: UInt64
    /// The column to step to.
    public var x: UInt16
    /// The row to step to.
    public var y: UInt16

    /// Makes a step.
    public init(sequence: UInt32, clientTime: UInt64, x: UInt16, y: UInt16) {
        self.sequence = sequence
        self.clientTime = clientTime
        self.x = x
        self.y = y
    }

    /// Reads the fields.
    @inlinable
    public init(from reader: inout PacketReader) throws(DecodeError) {
        sequence = try reader.read()
        clientTime = try reader.read()
        x = try reader.read()
        y = try reader.read()
    }

    /// Writes the fields.
    @inlinable
    public func encode(to writer: inout PacketWriter) {
        writer.write(sequence)
        writer.write(clientTime)
        writer.write(x)
        writer.write(y)
    }
}
