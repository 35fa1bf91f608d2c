// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Rules of length and form: pure functions from a file to its offences.
enum FormRules {
    static let longestFile = 400
    static let longestLine = 120
    static let longestFunction = 60

    static func tooLong(_ file: SourceFile) -> [String] {
        guard !file.isGenerated, file.lines.count > longestFile else { return [] }
        return [
            file.at(longestFile, "\(file.lines.count) lines, \(longestFile) at most: one type or one verb a file")
        ]
    }

    static func tooWide(_ file: SourceFile) -> [String] {
        guard !file.isGenerated else { return [] }
        return file.lines.enumerated().filter { $0.element.count > longestLine }.map {
            file.at($0.offset, "\($0.element.count) columns, \(longestLine) at most: break the line")
        }
    }

    /// A file says what it is for before anything else is read.
    static func noPurpose(_ file: SourceFile) -> [String] {
        guard !file.isGenerated else { return [] }
        for (index, line) in file.lines.map(\.trimmed).enumerated() {
            if line.isEmpty || line.hasPrefix("// SPDX-") || isImport(line) || line.hasPrefix("#") { continue }
            guard !line.hasPrefix("///") else { return [] }
            return [file.at(index, "begin what the file declares with a `///` comment that says what it is for")]
        }
        return [file.at(0, "an empty file: say with a `///` comment what it is for, or remove it")]
    }

    static func isImport(_ line: String) -> Bool { importedModule(line) != nil }

    /// `Glibc` of `internal import Glibc`, `Wire` of `import struct Wire.Packet`.
    static func importedModule(_ line: String) -> String? {
        let words = line.split { $0 == " " || $0 == ";" }.map(String.init)
        guard let place = words.firstIndex(of: "import") else { return nil }
        let modifiers: Set = ["public", "package", "internal", "fileprivate", "private"]
        guard words[..<place].allSatisfy({ modifiers.contains($0) || $0.hasPrefix("@") }) else { return nil }
        let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "var", "let"]
        let named = words[(place + 1)...].drop { kinds.contains($0) }.first
        return named.flatMap { $0.split(separator: ".").first }.map(String.init)
    }

    /// Counts braces from a line that declares a function to the one that closes it.
    static func longFunctions(_ file: SourceFile) -> [String] {
        guard !file.isGenerated else { return [] }
        let code = file.code
        var offences: [String] = []
        for (start, line) in code.enumerated() where declaresFunction(line) {
            guard let end = endOfBody(code, from: start) else { continue }
            let length = end - start + 1
            if length > longestFunction {
                offences.append(
                    file.at(start, "a function of \(length) lines, \(longestFunction) at most: name its parts"))
            }
        }
        return offences
    }

    private static func declaresFunction(_ line: String) -> Bool {
        if line.hasWord("func") { return true }
        let text = line.trimmed
        return ["init(", "init?(", "init<", "deinit {"].contains { initializer in
            guard let place = text.range(of: initializer) else { return false }
            // Not a call, as `self.init(` or `super.init(`.
            return text[..<place.lowerBound].allSatisfy { $0.isLetter || $0 == " " || $0 == "@" || $0 == "_" }
        }
    }

    /// The line on which the body that begins at or after `start` ends; nil when there is none, as in a protocol.
    private static func endOfBody(_ code: [String], from start: Int) -> Int? {
        var depth = 0
        var parentheses = 0
        var hasBegun = false
        for index in start..<code.count {
            let line = code[index]
            if index > start, !hasBegun, parentheses == 0, declaresFunction(line) || line.trimmed.hasPrefix("}") {
                return nil
            }
            for character in line {
                switch character {
                case "(": parentheses += 1
                case ")": parentheses -= 1
                case "{":
                    depth += 1
                    hasBegun = true
                case "}": depth -= 1
                default: break
                }
            }
            if hasBegun, depth <= 0 { return index }
        }
        return nil
    }
}
