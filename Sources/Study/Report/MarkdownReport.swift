// SPDX-License-Identifier: Apache-2.0

/// The report as Markdown: the whole of it in English, then the whole of it in Korean.
struct MarkdownReport {
    let blocks: [Block]
    let title: Text

    var text: String {
        Language.allCases.map { language in
            (["# \(title[language])"] + blocks.compactMap { markdown($0, language) }).joined(separator: "\n\n") + "\n"
        }.joined(separator: "\n---\n\n")
    }

    private func markdown(_ block: Block, _ language: Language) -> String? {
        switch block {
        case .heading(let title, _): "## \(title[language])"
        case .paragraph(let text): text[language]
        case .warning(let text): "> **\(text[language])**"
        case .list(let items): items.map { "- \($0[language])" }.joined(separator: "\n")
        case .table(let table): markdown(table, language)
        case .plot: nil
        }
    }

    private func markdown(_ table: Table, _ language: Language) -> String {
        func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        let marks = table.columns.indices.map { $0 < table.wordColumns ? "---" : "--:" }
        let rows = table.rows.map { row($0.map { Escape.cell($0[language]) }) }
        return ([row(table.columns.map { Escape.cell($0[language]) }), row(marks)] + rows).joined(separator: "\n")
    }
}
