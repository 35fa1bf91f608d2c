// SPDX-License-Identifier: Apache-2.0

public import Wire

/// An object said something.
public struct ChatMessage: Packet, Hashable {
    /// Packet type 133.
    public static let type: PacketType = 133
    /// Fixed fields and an empty to a 300-byte text.
    public static let bodySize = 7...307

    /// The speaker.
    public var object: UInt32
    /// As in `Chat`.
    public var scope: UInt8
    /// What was said.
    public var text: ChatText

    /// Makes the packet.
    public init(object: UInt32, scope: UInt8, text: ChatText) {
        self.object = object
        self.scope = scope
        self.text = text
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        object = try reader.read()
        scope = try reader.read()
        text = try reader.readText()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(object)
        writer.write(scope)
        writer.write(text)
    }
}
