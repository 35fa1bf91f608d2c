// SPDX-License-Identifier: Apache-2.0

/// The little of HTTP/1.1 (RFC 9112) that a plaintext benchmark needs: where a request ends, and what it asks for.
///
/// A request with a body, chunked or of some length, is not understood.
struct RequestHead: Equatable {
    /// What the front of some bytes is.
    enum Result: Equatable {
        /// A whole request, which ends before this offset.
        case request(RequestHead, end: Int)
        /// Perhaps a request when more has come.
        case incomplete
        /// Nothing that this server answers: bad, or with a body.
        case malformed
    }

    static let maximumSize = 8_192
    var isForPlaintext = false
    /// Whether the connection ends behind the answer.
    var isLast = false

    private static let (carriageReturn, lineFeed, space) = (UInt8(13), UInt8(10), UInt8(32))

    /// Looks at the bytes from `start` on.
    static func next(in bytes: RawSpan, from start: Int) -> Result {
        guard let firstEnd = lineEnd(bytes, start) else { return unfinished(bytes, start) }
        guard var head = requestLine(bytes, start..<firstEnd) else { return .malformed }
        var line = firstEnd + 2
        while let end = lineEnd(bytes, line) {
            guard end + 2 - start <= maximumSize else { return .malformed }
            if end == line { return .request(head, end: end + 2) }
            let field = line..<end
            if begins(bytes, field, with: "content-length:") || begins(bytes, field, with: "transfer-encoding:") {
                return .malformed
            }
            if begins(bytes, field, with: "connection:") {
                let value = line + 11..<end
                if contains(bytes, value, "close") { head.isLast = true }
                if contains(bytes, value, "keep-alive") { head.isLast = false }
            }
            line = end + 2
        }
        return unfinished(bytes, start)
    }

    private static func unfinished(_ bytes: RawSpan, _ start: Int) -> Result {
        bytes.byteCount - start >= maximumSize ? .malformed : .incomplete
    }

    private static func requestLine(_ bytes: RawSpan, _ line: Range<Int>) -> RequestHead? {
        guard begins(bytes, line, with: "get /") else { return nil }
        var head = RequestHead()
        head.isForPlaintext = begins(bytes, line, with: "get /plaintext ")
        // HTTP/1.0 ends the connection unless the client asks otherwise.
        if contains(bytes, line, " http/1.0") { head.isLast = true }
        return head.isLast || contains(bytes, line, " http/1.1") ? head : nil
    }

    /// The offset of the next line's end, CR LF.
    private static func lineEnd(_ bytes: RawSpan, _ start: Int) -> Int? {
        var index = start
        while index + 1 < bytes.byteCount {
            if byte(bytes, index) == carriageReturn, byte(bytes, index + 1) == lineFeed { return index }
            index += 1
        }
        return nil
    }

    /// Compares with letters in lower case; the bytes may be in any.
    private static func begins(_ bytes: RawSpan, _ range: Range<Int>, with text: StaticString) -> Bool {
        text.withUTF8Buffer { letters in
            guard letters.count <= range.count else { return false }
            return letters.indices.allSatisfy { lowercase(byte(bytes, range.lowerBound + $0)) == letters[$0] }
        }
    }

    private static func contains(_ bytes: RawSpan, _ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count >= text.utf8CodeUnitCount else { return false }
        return (range.lowerBound...range.upperBound - text.utf8CodeUnitCount).contains {
            begins(bytes, $0..<range.upperBound, with: text)
        }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }

    /// 0 beyond the end: no text has it.
    private static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
        guard offset >= 0, offset < bytes.byteCount else { return 0 }
        return bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
