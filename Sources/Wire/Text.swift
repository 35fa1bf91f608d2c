// SPDX-License-Identifier: Apache-2.0

/// The one rule for text on the wire: valid UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF) that
/// does not hold U+0000, which ends a string in half of the client languages.
///
/// - Complexity: O(bytes), no allocation.
public func isLegalText(_ text: RawSpan) -> Bool {
    var index = 0
    let count = text.byteCount
    while index < count {
        let lead = text.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
        if lead < 0x80 {
            guard lead != 0 else { return false }
            index &+= 1
            continue
        }
        guard let length = sequenceLength(lead: lead), index &+ length <= count else { return false }
        let second = text.unsafeLoad(fromUncheckedByteOffset: index &+ 1, as: UInt8.self)
        guard secondByteRange(lead: lead).contains(second) else { return false }
        var tail = index &+ 2
        while tail < index &+ length {
            guard text.unsafeLoad(fromUncheckedByteOffset: tail, as: UInt8.self) & 0xC0 == 0x80 else { return false }
            tail &+= 1
        }
        index &+= length
    }
    return true
}

private func sequenceLength(lead: UInt8) -> Int? {
    switch lead {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: nil
    }
}

/// Overlong forms, surrogates and values above U+10FFFF are exactly what these bounds leave out (RFC 3629, section 4).
private func secondByteRange(lead: UInt8) -> ClosedRange<UInt8> {
    switch lead {
    case 0xE0: 0xA0...0xBF
    case 0xED: 0x80...0x9F
    case 0xF0: 0x90...0xBF
    case 0xF4: 0x80...0x8F
    default: 0x80...0xBF
    }
}
