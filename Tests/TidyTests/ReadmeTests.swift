// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The READMEs show the program that is built, not one that once was.
@Suite("README")
struct ReadmeTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The example from its first import on.
    private static func example() throws -> String {
        let source = try text("docs/examples/Hello/main.swift")
        guard let start = source.range(of: "import ") else { return source }
        return source[start.lowerBound...].trimmingCharacters(in: .newlines)
    }

    @Test("both READMEs show the example as it is built", arguments: ["README.md", "README.ko.md"])
    func example(readme: String) throws {
        let shows = try Self.text(readme).contains("```swift\n\(Self.example())\n```")
        #expect(shows, "copy docs/examples/Hello/main.swift, from its first import on, into \(readme)")
    }

    @Test("both READMEs have the same headings and the same status rows")
    func equal() throws {
        let (english, korean) = try (Self.text("README.md"), Self.text("README.ko.md"))
        func count(_ text: String, _ prefix: String) -> Int {
            text.split(separator: "\n").count { $0.hasPrefix(prefix) }
        }
        #expect(count(english, "## ") == count(korean, "## "))
        #expect(count(english, "| ") == count(korean, "| "))
        #expect(count(english, "```") == count(korean, "```"))
    }
}
