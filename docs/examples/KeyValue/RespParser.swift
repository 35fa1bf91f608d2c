// SPDX-License-Identifier: Apache-2.0

/// Cuts commands out of a stream of RESP, the protocol of Redis clients
/// (https://redis.io/docs/latest/develop/reference/protocol-spec/).
///
/// A command is an array of bulk strings, or a line of words ("inline"). Nothing is copied: the parts of a command are
/// ranges of the bytes that are given.
struct RespParser {
    /// What the front of some bytes is.
    enum Result: Equatable {
        /// A whole command, which `parts` describes and which ends before this offset.
        case command(end: Int)
        /// Perhaps a command when more has come.
        case incomplete
        /// Never a command; the text says why.
        case malformed(String)
    }

    static let maximumParts = 1_024
    static let maximumPartSize = 1 << 20
    private static let maximumLine = 16_384
    private static let longestNumber = 7
    private static let (lineFeed, carriageReturn, space) = (UInt8(10), UInt8(13), UInt8(32))

    /// The parts of the last command, its name first.
    private(set) var parts: [Range<Int>] = []

    /// Looks at the bytes from `start` on.
    mutating func next(in bytes: RawSpan, from start: Int) -> Result {
        parts.removeAll(keepingCapacity: true)
        guard let first = byte(bytes, start) else { return .incomplete }
        return first == UInt8(ascii: "*") ? array(bytes, start) : inline(bytes, start)
    }

    private mutating func array(_ bytes: RawSpan, _ start: Int) -> Result {
        var offset = start
        switch number(bytes, &offset) {
        case .incomplete: return .incomplete
        case .malformed: return .malformed("invalid multibulk length")
        case .value(let count):
            guard count <= Self.maximumParts else { return .malformed("invalid multibulk length") }
            for _ in 0..<count {
                guard let mark = byte(bytes, offset) else { return .incomplete }
                guard mark == UInt8(ascii: "$") else { return .malformed("expected '$'") }
                switch number(bytes, &offset) {
                case .incomplete: return .incomplete
                case .malformed: return .malformed("invalid bulk length")
                case .value(let size):
                    guard size <= Self.maximumPartSize else { return .malformed("invalid bulk length") }
                    guard offset + size + 2 <= bytes.byteCount else { return .incomplete }
                    parts.append(offset..<offset + size)
                    offset += size + 2
                }
            }
            return .command(end: offset)
        }
    }

    private mutating func inline(_ bytes: RawSpan, _ start: Int) -> Result {
        var offset = start
        var word = start
        while let next = byte(bytes, offset), next != Self.lineFeed {
            if next == Self.space || next == Self.carriageReturn {
                if word < offset { parts.append(word..<offset) }
                word = offset + 1
            }
            offset += 1
            guard offset - start <= Self.maximumLine else { return .malformed("too big inline request") }
        }
        guard offset < bytes.byteCount else { return .incomplete }
        if word < offset { parts.append(word..<offset) }
        return .command(end: offset + 1)
    }

    private enum Number {
        case value(Int)
        case incomplete
        case malformed
    }

    /// Reads digits behind a mark, and the end of their line.
    private func number(_ bytes: RawSpan, _ offset: inout Int) -> Number {
        var value = 0
        var digits = 0
        var index = offset + 1
        while let next = byte(bytes, index), next != Self.carriageReturn {
            guard next >= UInt8(ascii: "0"), next <= UInt8(ascii: "9"), digits < Self.longestNumber else {
                return .malformed
            }
            value = value * 10 + Int(next - UInt8(ascii: "0"))
            digits += 1
            index += 1
        }
        guard let end = byte(bytes, index + 1) else { return .incomplete }
        guard end == Self.lineFeed, digits > 0 else { return .malformed }
        offset = index + 2
        return .value(value)
    }

    private func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8? {
        guard offset < bytes.byteCount else { return nil }
        return bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
