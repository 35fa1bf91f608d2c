// SPDX-License-Identifier: Apache-2.0

/// A string as JSON writes it (RFC 8259, section 7), quotes included.
struct JSONText: CustomStringConvertible {
    let description: String

    init(_ text: String) {
        var written = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": written += "\\\""
            case "\\": written += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                written += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: written.unicodeScalars.append(scalar)
            }
        }
        description = written + "\""
    }
}
