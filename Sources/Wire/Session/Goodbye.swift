// SPDX-License-Identifier: Apache-2.0

/// The last packet of a session, from the side that ends it. Its layout never changes.
public struct Goodbye: Packet, Hashable {
    /// Packet type 3.
    public static let type: PacketType = 3
    /// A reason and an empty to a 120-byte text.
    public static let bodySize = 2...122

    /// Why.
    public var reason: EndReason
    /// The same for people, at most 120 bytes.
    public var text: String

    /// Makes a goodbye.
    public init(reason: EndReason, text: String) {
        self.reason = reason
        self.text = text
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        reason = EndReason(rawValue: try reader.read())
        text = try reader.readString(maximum: 120)
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(reason.rawValue)
        writer.write(text, maximum: 120)
    }
}
