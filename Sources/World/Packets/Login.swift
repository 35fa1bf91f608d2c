// SPDX-License-Identifier: Apache-2.0

public import Wire

/// The client names its account. Answered by `LoginResult`.
public struct Login: Packet, Hashable {
    /// Packet type 16.
    public static let type: PacketType = 16
    /// The request and an empty to a 20-byte name.
    public static let bodySize = 5...25

    /// Comes back in the answer.
    public var request: UInt32
    /// The account.
    public var name: Name

    /// Makes a login.
    public init(request: UInt32, name: Name) {
        self.request = request
        self.name = name
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        request = try reader.read()
        name = try reader.readText()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(request)
        writer.write(name)
    }
}
