// SPDX-License-Identifier: Apache-2.0

/// Text that would mean something else where it is put.
enum Escape {
    /// In HTML, between tags and in attributes.
    static func html(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    /// In the cell of a Markdown table.
    static func cell(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("<", with: "&lt;")
            .replacing("\n", with: " ")
    }

    /// JSON in a script element: no tag may end it.
    static func script(_ json: String) -> String { json.replacing("<", with: "\\u003c") }

    /// A field of a CSV file (RFC 4180).
    static func field(_ text: String) -> String {
        guard text.contains(where: { "\",\r\n".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
