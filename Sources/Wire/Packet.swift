// SPDX-License-Identifier: Apache-2.0

/// A packet that is its own proof: its type, the bounds of its body, its decoding and its encoding in one place.
///
/// A packet is decodable alone, without the bytes before or after it. A conformance is written by hand or generated;
/// both directions read and write the same fields in the same order, packed and little-endian:
///
/// ```swift
/// struct Move: Packet {
///     static let type: PacketType = 20
///     static let bodySize = 4...4
///     var x: UInt16
///     var y: UInt16
///     init(from reader: inout PacketReader) throws(DecodeError) {
///         x = try reader.read()
///         y = try reader.read()
///     }
///     func encode(to writer: inout PacketWriter) {
///         writer.write(x)
///         writer.write(y)
///     }
/// }
/// ```
public protocol Packet: Sendable {
    /// The number in the header.
    static var type: PacketType { get }

    /// The smallest and the largest body in bytes, header not counted.
    ///
    /// A body outside of it never reaches `init(from:)`, and an encoder gets exactly the upper bound as room.
    static var bodySize: ClosedRange<Int> { get }

    /// Reads the fields. Bytes left over after the last field are the caller's to refuse (`PacketReader.finish`).
    ///
    /// - Throws: `DecodeError` when a field is missing or has a value that the schema forbids.
    init(from reader: inout PacketReader) throws(DecodeError)

    /// Writes the fields in the order in which they are read.
    func encode(to writer: inout PacketWriter)
}

extension Packet {
    /// Decodes a body that must hold this packet and nothing else.
    ///
    /// - Parameter body: the bytes after the header.
    /// - Throws: `DecodeError`, also when bytes are left over.
    @inlinable @inline(__always)
    public static func decode(_ body: RawSpan) throws(DecodeError) -> Self {
        guard bodySize.contains(body.byteCount) else { throw .bodySize }
        var reader = PacketReader(body)
        let packet = try Self(from: &reader)
        try reader.finish()
        return packet
    }
}
