// SPDX-License-Identifier: Apache-2.0

public import Wire

/// The client says something. Answered by `RequestResult`.
public struct Chat: Packet, Hashable {
    /// Packet type 23.
    public static let type: PacketType = 23
    /// Fixed fields and an empty to a 300-byte text.
    public static let bodySize = 7...307

    /// Comes back in the answer.
    public var request: UInt32
    /// Who is to hear it; 0: all who see the speaker.
    public var scope: UInt8
    /// What is said.
    public var text: ChatText

    /// Makes the packet.
    public init(request: UInt32, scope: UInt8 = WorldProtocol.chatScopeView, text: ChatText) {
        self.request = request
        self.scope = scope
        self.text = text
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        request = try reader.read()
        scope = try reader.read()
        text = try reader.readText()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(request)
        writer.write(scope)
        writer.write(text)
    }
}
