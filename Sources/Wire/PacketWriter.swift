// SPDX-License-Identifier: Apache-2.0

/// A cursor that writes the body of one packet into memory that the caller owns.
///
/// Room is checked once for each field. A field that does not fit, or a text above its maximum, marks the writer as
/// failed instead of trapping; whoever encodes looks at `failed` once at the end and drops the packet.
public struct PacketWriter: ~Copyable, ~Escapable {
    @usableFromInline var bytes: MutableRawSpan
    @usableFromInline var offset = 0

    /// A field did not fit, or was longer than its declared maximum: the packet must not be sent.
    public private(set) var failed = false

    /// Starts at the first byte of `bytes`.
    @inlinable @inline(__always)
    @_lifetime(copy bytes)
    public init(_ bytes: consuming MutableRawSpan) { self.bytes = bytes }

    /// How many bytes have been written.
    @inlinable
    public var count: Int { offset }

    /// Writes an integer, little-endian; the type decides the width.
    @inlinable @inline(__always)
    @_lifetime(self: copy self)
    public mutating func write<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        let end = offset &+ MemoryLayout<Value>.size
        guard end <= bytes.byteCount else { return fail() }
        bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        offset = end
    }

    /// Writes a bool as one byte, 0 or 1.
    @inlinable @inline(__always)
    @_lifetime(self: copy self)
    public mutating func write(_ value: Bool) { write(value ? 1 : 0 as UInt8) }

    /// Writes an IEEE 754 single.
    @inlinable @inline(__always)
    @_lifetime(self: copy self)
    public mutating func write(_ value: Float) { write(value.bitPattern) }

    /// Writes an IEEE 754 double.
    @inlinable @inline(__always)
    @_lifetime(self: copy self)
    public mutating func write(_ value: Double) { write(value.bitPattern) }

    /// Writes the length in front of a `string<maximum>`, `bytes<maximum>` or `T[maximum]`: a u8 when `maximum` is at
    /// most 255, else a u16. A count above `maximum` fails the writer.
    @inlinable @inline(__always)
    @_lifetime(self: copy self)
    public mutating func writeCount(_ count: Int, maximum: Int) {
        guard count >= 0, count <= maximum, count <= 65_535 else { return fail() }
        if maximum <= 255 {
            write(UInt8(truncatingIfNeeded: count))
        } else {
            write(UInt16(truncatingIfNeeded: count))
        }
    }

    /// Writes bytes as they are, without a length.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func writeBytes(_ source: RawSpan) {
        source.withUnsafeBytes { write(raw: $0) }
    }

    /// Writes a `string<maximum>` from text that is UTF-8 already; `maximum` is in bytes.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func write(text: RawSpan, maximum: Int) {
        writeCount(text.byteCount, maximum: maximum)
        writeBytes(text)
    }

    /// Writes a `string<maximum>`; `maximum` is in bytes of UTF-8.
    @_lifetime(self: copy self)
    public mutating func write(_ text: String, maximum: Int) {
        var text = text
        text.withUTF8 { utf8 in
            writeCount(utf8.count, maximum: maximum)
            write(raw: UnsafeRawBufferPointer(utf8))
        }
    }

    @usableFromInline
    @_lifetime(self: copy self)
    mutating func write(raw source: UnsafeRawBufferPointer) {
        guard source.count <= bytes.byteCount &- offset else { return fail() }
        bytes.withUnsafeMutableBytes { destination in
            guard let from = source.baseAddress, let to = destination.baseAddress else { return }
            (to + offset).copyMemory(from: from, byteCount: source.count)
        }
        offset &+= source.count
    }

    @usableFromInline
    @_lifetime(self: copy self)
    mutating func fail() { failed = true }
}
