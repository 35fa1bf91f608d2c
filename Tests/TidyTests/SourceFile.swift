// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A text of the tree, cut into lines, with what the rules ask of it.
struct SourceFile: Sendable {
    /// From the root of the tree, with `/`.
    let path: String
    let lines: [String]

    init(path: String, text: String) {
        self.path = path
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines
    }

    var name: String { String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]) }

    /// `Wire` of `Sources/Wire/Session/Hello.swift`; nil outside of `Sources`.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }

    /// Written by a program: exempt from rules of length and form.
    var isGenerated: Bool { path.hasSuffix(".generated.swift") }

    /// The lines with comments and the contents of string literals taken out, so that neither offends.
    var code: [String] {
        var isInText = false
        return lines.map { line in
            let parts = line.components(separatedBy: "\"\"\"")
            guard parts.count > 1 else { return isInText ? "" : SourceFile.code(of: line) }
            // Only what stands before a multi-line literal and after it is code.
            let kept = isInText ? parts.last : parts.first
            if parts.count.isMultiple(of: 2) { isInText.toggle() }
            return SourceFile.code(of: kept ?? "")
        }
    }

    private static func code(of line: String) -> String {
        var code = ""
        var isInLiteral = false
        var isEscaped = false
        var previous: Character = " "
        for character in line {
            if isInLiteral {
                if !isEscaped, character == "\"" { isInLiteral = false }
                isEscaped = !isEscaped && character == "\\"
            } else if character == "/", previous == "/" {
                return String(code.dropLast())
            } else {
                isInLiteral = character == "\""
            }
            if !isInLiteral { code.append(character) }
            previous = character
        }
        return code
    }

    /// What an offence is called by: `path:line: what`.
    func at(_ index: Int, _ what: String) -> String { "\(path):\(index + 1): \(what)" }
}

extension String {
    /// Whether `word` stands here with no letter, digit or `_` around it.
    func hasWord(_ word: String) -> Bool {
        var searched = startIndex..<endIndex
        while let found = range(of: word, range: searched) {
            let before = found.lowerBound == startIndex ? " " : self[index(before: found.lowerBound)]
            let after = found.upperBound == endIndex ? " " : self[found.upperBound]
            if !before.isWordPart && !after.isWordPart { return true }
            searched = found.upperBound..<endIndex
        }
        return false
    }

    var trimmed: String { trimmingCharacters(in: .whitespaces) }
}

extension Character {
    var isWordPart: Bool { isLetter || isNumber || self == "_" }
}
