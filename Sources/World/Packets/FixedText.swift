// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// The text of a `string<maximum>` as a plain value: at most `maximum` bytes of UTF-8, stored in place.
///
/// A `String` above 15 bytes lives on the heap; a packet that holds this instead is decoded, copied between threads
/// and kept in an entity without touching it. It is always legal text in the sense of `isLegalText`.
public struct FixedText<let maximum: Int>: Sendable, BitwiseCopyable {
    /// Bytes past `count` stay 0.
    private var storage: InlineArray<maximum, UInt8>
    private var length: UInt16

    /// The empty text.
    public init() {
        storage = InlineArray(repeating: 0)
        length = 0
    }

    /// Copies `text`, or is nil when it is longer than `maximum` bytes, not UTF-8, or holds U+0000.
    public init?(_ text: RawSpan) {
        guard text.byteCount <= min(maximum, Int(UInt16.max)), isLegalText(text) else { return nil }
        self.init()
        for index in 0..<text.byteCount {
            storage[index] = text.unsafeLoad(fromByteOffset: index, as: UInt8.self)
        }
        length = UInt16(truncatingIfNeeded: text.byteCount)
    }

    /// Copies `text`, or is nil when its UTF-8 is longer than `maximum` bytes or holds U+0000.
    public init?(_ text: String) {
        var text = text
        let copy = text.withUTF8 { Self($0.span.bytes) }
        guard let copy else { return nil }
        self = copy
    }

    /// The length in bytes.
    public var count: Int { Int(length) }

    /// Whether there is no text.
    public var isEmpty: Bool { length == 0 }

    /// Lends the bytes.
    public func withBytes<Value>(_ body: (RawSpan) -> Value) -> Value {
        withUnsafeBytes(of: storage) { body($0.bytes.extracting(0..<Int(length))) }
    }

    /// A copy as a `String`; may allocate.
    public var string: String {
        withUnsafeBytes(of: storage) { String(decoding: $0.prefix(Int(length)), as: UTF8.self) }
    }
}

extension FixedText: Hashable {
    /// Whether the bytes are the same; no normalisation.
    public static func == (left: Self, right: Self) -> Bool {
        guard left.length == right.length else { return false }
        for index in 0..<left.count where left.storage[index] != right.storage[index] { return false }
        return true
    }

    /// Feeds the bytes.
    public func hash(into hasher: inout Hasher) {
        withBytes { bytes in bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
    }
}

extension FixedText: ExpressibleByStringLiteral {
    /// A text that is written in the source.
    ///
    /// - Precondition: it fits.
    public init(stringLiteral literal: StaticString) {
        let bytes = UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        guard let text = Self(bytes.bytes) else { preconditionFailure("a literal longer than its field") }
        self = text
    }
}

extension FixedText: CustomStringConvertible {
    /// The text itself.
    public var description: String { string }
}

/// The name of an account, a character or an object: `string<20>`.
public typealias Name = FixedText<20>
/// What a player says: `string<300>`.
public typealias ChatText = FixedText<300>
/// Why something was refused: `string<120>`.
public typealias Reason = FixedText<120>

extension PacketReader {
    /// Reads a `string<maximum>` without allocating.
    ///
    /// - Throws: `DecodeError` when it is cut short, too long, or no legal text.
    mutating func readText<let maximum: Int>(
        _: FixedText<maximum>.Type = FixedText<maximum>.self
    ) throws(DecodeError) -> FixedText<maximum> {
        let bytes = try readTextBytes(maximum: maximum)
        guard let text = FixedText<maximum>(bytes) else { throw .invalidText }
        return text
    }
}

extension PacketWriter {
    /// Writes a `string<maximum>`.
    @_lifetime(self: copy self)
    mutating func write<let maximum: Int>(_ text: FixedText<maximum>) {
        writeCount(text.count, maximum: maximum)
        text.writeBytes(to: &self)
    }
}

extension FixedText {
    fileprivate func writeBytes(to writer: inout PacketWriter) {
        withUnsafeBytes(of: storage) { writer.writeBytes($0.bytes.extracting(0..<Int(length))) }
    }
}
