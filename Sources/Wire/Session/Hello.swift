// SPDX-License-Identifier: Apache-2.0

/// The first packet of a session, from the client: which protocol it speaks. Its layout never changes.
public struct Hello: Packet, Hashable {
    /// Packet type 1.
    public static let type: PacketType = 1
    /// Fixed fields and an empty to a 32-byte client name.
    public static let bodySize = 12...44
    /// The longest packet, header included, that may stand where `Hello` is expected.
    public static let maximumPacketSize = 64
    /// The number for the binary format, the only one so far.
    public static let binaryFormat: UInt8 = 0

    /// The protocol's version, counted by its authors.
    public var version: UInt16
    /// The first 8 bytes of the schema's hash: says "the same", never "compatible".
    public var fingerprint: UInt64
    /// How bodies are encoded; 0 is binary.
    public var format: UInt8
    /// The client program's name for logs, at most 32 bytes.
    public var client: String

    /// Makes a hello.
    public init(version: UInt16, fingerprint: UInt64, format: UInt8 = Hello.binaryFormat, client: String = "") {
        self.version = version
        self.fingerprint = fingerprint
        self.format = format
        self.client = client
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        version = try reader.read()
        fingerprint = try reader.read()
        format = try reader.read()
        client = try reader.readString(maximum: 32)
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(version)
        writer.write(fingerprint)
        writer.write(format)
        writer.write(client, maximum: 32)
    }
}
