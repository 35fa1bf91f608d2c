// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// The files of a report. They are made of the bytes of `results.json` and of nothing else, so that whoever has that
/// file gets the same ones, to the byte.
public struct StudyReport {
    /// What the report is about.
    public let results: Results
    private let data: Data

    /// - Parameter data: what `ResultsFile.encode` has written.
    /// - Throws: `ResultsFile.Fault`.
    public init(_ data: Data) throws(ResultsFile.Fault) {
        self.data = data
        results = try ResultsFile.decode(data)
    }

    /// Names and contents.
    public var files: [(name: String, contents: Data)] {
        let content = ReportContent(results)
        let html = HTMLReport(
            blocks: content.blocks, title: ReportContent.title, results: String(decoding: data, as: UTF8.self))
        let markdown = MarkdownReport(blocks: content.blocks, title: ReportContent.title)
        return [
            ("results.json", data), ("results.csv", Data(CSVReport.text(results).utf8)),
            ("report.md", Data(markdown.text.utf8)), ("report.html", Data(html.text.utf8)),
        ]
    }

    /// The comparisons that a server or a load has ended: wrong bytes, a lost connection, a process that died.
    public var failures: [String] {
        results.comparisons.compactMap { comparison in
            comparison.failure.map {
                "\(comparison.workload.name), \(comparison.left) / \(comparison.right): \($0)"
            }
        }
    }
}
