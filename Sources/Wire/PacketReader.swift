// SPDX-License-Identifier: Apache-2.0

/// A bounds-checked cursor over the body of one packet in borrowed memory.
///
/// It cannot outlive the bytes (`~Escapable`), allocates nothing but the strings it is asked for, and refuses with a
/// typed error instead of trapping: whatever the network sends, reading it ends in a value or in `DecodeError`.
public struct PacketReader: ~Copyable, ~Escapable {
    @usableFromInline let bytes: RawSpan
    @usableFromInline var offset = 0

    /// Starts at the first byte of `bytes`.
    @inlinable @inline(__always)
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) { self.bytes = bytes }

    /// How many bytes have not been read.
    @inlinable
    public var remaining: Int { bytes.byteCount &- offset }

    /// Reads a little-endian integer; the type decides the width.
    ///
    /// - Throws: `DecodeError.truncated` when fewer bytes are left.
    @inlinable @inline(__always)
    public mutating func read<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type = Value.self
    ) throws(DecodeError) -> Value {
        let end = offset &+ MemoryLayout<Value>.size
        guard end <= bytes.byteCount else { throw .truncated }
        let value = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Value.self)
        offset = end
        return Value(littleEndian: value)
    }

    /// Reads a bool: one byte, 0 or 1.
    ///
    /// - Throws: `DecodeError.invalidValue` for any other byte.
    @inlinable @inline(__always)
    public mutating func readBool() throws(DecodeError) -> Bool {
        let byte: UInt8 = try read()
        guard byte <= 1 else { throw .invalidValue }
        return byte == 1
    }

    /// Reads an IEEE 754 single; NaN and infinity are refused.
    @inlinable @inline(__always)
    public mutating func readFloat() throws(DecodeError) -> Float {
        let value = Float(bitPattern: try read())
        guard value.isFinite else { throw .invalidValue }
        return value
    }

    /// Reads an IEEE 754 double; NaN and infinity are refused.
    @inlinable @inline(__always)
    public mutating func readDouble() throws(DecodeError) -> Double {
        let value = Double(bitPattern: try read())
        guard value.isFinite else { throw .invalidValue }
        return value
    }

    /// Reads the length in front of a `string<maximum>`, `bytes<maximum>` or `T[maximum]`.
    ///
    /// The length is a u8 when `maximum` is at most 255, else a u16.
    /// - Throws: `DecodeError.tooLong` when it is above `maximum`.
    @inlinable @inline(__always)
    public mutating func readCount(maximum: Int) throws(DecodeError) -> Int {
        let count = maximum <= 255 ? Int(try read(UInt8.self)) : Int(try read(UInt16.self))
        guard count <= maximum else { throw .tooLong }
        return count
    }

    /// Borrows the next `count` bytes as they lie.
    ///
    /// - Throws: `DecodeError.truncated` when fewer are left.
    @inlinable
    @_lifetime(copy self)
    public mutating func readBytes(count: Int) throws(DecodeError) -> RawSpan {
        guard count >= 0, count <= remaining else { throw .truncated }
        let slice = bytes.extracting(offset..<(offset &+ count))
        offset &+= count
        return slice
    }

    /// Borrows the text of a `string<maximum>` as bytes: valid UTF-8 without U+0000, checked; nothing is allocated.
    ///
    /// - Parameter maximum: the declared maximum in bytes of UTF-8.
    @inlinable
    @_lifetime(copy self)
    public mutating func readTextBytes(maximum: Int) throws(DecodeError) -> RawSpan {
        let count = try readCount(maximum: maximum)
        let text = try readBytes(count: count)
        guard isLegalText(text) else { throw .invalidText }
        return text
    }

    /// Reads a `string<maximum>`. Texts above 15 bytes allocate; the data plane uses `readTextBytes`.
    ///
    /// - Parameter maximum: the declared maximum in bytes of UTF-8.
    public mutating func readString(maximum: Int) throws(DecodeError) -> String {
        let text = try readTextBytes(maximum: maximum)
        return text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// Ends the packet.
    ///
    /// - Throws: `DecodeError.leftOver` when bytes have not been read.
    @inlinable @inline(__always)
    public func finish() throws(DecodeError) {
        guard offset == bytes.byteCount else { throw .leftOver }
    }
}
