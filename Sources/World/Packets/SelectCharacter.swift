// SPDX-License-Identifier: Apache-2.0

public import Wire

/// The client enters the world with one of its characters. Answered by `EnterWorld`.
public struct SelectCharacter: Packet, Hashable {
    /// Packet type 19.
    public static let type: PacketType = 19
    /// 12 bytes.
    public static let bodySize = 12...12

    /// Comes back in the answer.
    public var request: UInt32
    /// One of `LoginResult.characters`.
    public var character: UInt64

    /// Makes a selection.
    public init(request: UInt32, character: UInt64) {
        self.request = request
        self.character = character
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        request = try reader.read()
        character = try reader.read()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(request)
        writer.write(character)
    }
}
