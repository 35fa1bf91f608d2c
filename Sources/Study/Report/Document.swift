// SPDX-License-Identifier: Apache-2.0

/// A report before it is HTML or Markdown: blocks of text in both languages, tables and plots.
enum Block {
    /// A heading of level 2, with the name by which links reach it.
    case heading(Text, anchor: String)
    case paragraph(Text)
    /// What the reader has to know before anything else.
    case warning(Text)
    case list([Text])
    case table(Table)
    /// HTML only; a table near it says the same in figures.
    case plot(ForestPlot)
}

/// A table; the first columns are words, the others are figures and set to the right.
struct Table {
    var columns: [Text]
    var rows: [[Text]] = []
    var wordColumns = 1
}
