// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// The report as one page that needs nothing else: both languages, plots and the raw slices are in it.
struct HTMLReport {
    let blocks: [Block]
    let title: Text
    /// `results.json`, as it is.
    let results: String

    var text: String {
        var lines = [
            "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            "<title>\(Escape.html(title.english))</title>", "<style>", Self.style, "</style>", "</head>", "<body>",
            // The switch is two buttons and a style: it works without a script.
            "<input type=\"radio\" name=\"language\" id=\"en\" checked><label for=\"en\">English</label>",
            "<input type=\"radio\" name=\"language\" id=\"ko\"><label for=\"ko\">한국어</label>", "<main>",
            "<h1>\(html(title))</h1>",
        ]
        lines.append(contents)
        lines += blocks.map(html)
        lines += [
            "<script type=\"application/json\" id=\"results\">",
            Escape.script(results.trimmingCharacters(in: .newlines)),
            "</script>", "</main>", "</body>", "</html>", "",
        ]
        return lines.joined(separator: "\n")
    }

    private var contents: String {
        let links = blocks.compactMap { block -> String? in
            guard case .heading(let title, let anchor) = block else { return nil }
            return "<a href=\"#\(anchor)\">\(html(title))</a>"
        }
        return "<nav>\(links.joined(separator: "\n"))</nav>"
    }

    private func html(_ block: Block) -> String {
        switch block {
        case .heading(let title, let anchor): "<h2 id=\"\(anchor)\">\(html(title))</h2>"
        case .paragraph(let text): "<p>\(html(text))</p>"
        case .warning(let text): "<p class=\"warning\">\(html(text))</p>"
        case .list(let items): "<ul>\n\(items.map { "<li>\(html($0))</li>" }.joined(separator: "\n"))\n</ul>"
        case .table(let table): html(table)
        case .plot(let plot):
            "<figure><figcaption>\(html(plot.title))</figcaption>\n\(plot.svg)\n</figure>"
        }
    }

    private func html(_ table: Table) -> String {
        func row(_ cells: [Text], _ tag: String) -> String {
            let written = cells.enumerated().map { column, text in
                let kind = column < table.wordColumns ? " class=\"words\"" : ""
                return "<\(tag)\(kind)>\(html(text))</\(tag)>"
            }
            return "<tr>" + written.joined() + "</tr>"
        }
        let body = table.rows.map { row($0, "td") }.joined(separator: "\n")
        let head = row(table.columns, "th")
        return "<div class=\"wide\"><table>\n<thead>\(head)</thead>\n<tbody>\n\(body)\n</tbody>\n</table></div>"
    }

    private func html(_ text: Text) -> String {
        guard text.isTranslated else { return Escape.html(text.english) }
        return Language.allCases.map { "<span lang=\"\($0.rawValue)\">\(Escape.html(text[$0]))</span>" }.joined()
    }

    private static let style = """
        :root { color-scheme: light dark; --text: #1d2327; --back: #fff; --line: #d5dade; --faint: #8a949c;
          --good: #1a7f4b; --bad: #b3402a; --none: #66717a; }
        @media (prefers-color-scheme: dark) { :root { --text: #e3e7ea; --back: #14181b; --line: #333b41;
          --faint: #7d878f; --good: #55c78d; --bad: #f08a72; --none: #9aa5ad; } }
        body { font: 15px/1.55 system-ui, sans-serif; color: var(--text); background: var(--back);
          max-width: 70rem; margin: 1.5rem auto; padding: 0 1rem; }
        h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
        body > label { margin-right: 1rem; }
        #en:checked ~ main [lang=ko], #ko:checked ~ main [lang=en] { display: none; }
        nav a { margin-right: 1.2rem; } a { color: inherit; }
        .wide { overflow-x: auto; margin: 1rem 0; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
        th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
        .words { text-align: left; } th { font-weight: 600; vertical-align: bottom; }
        .warning { border-left: 4px solid var(--bad); padding: .3rem .8rem; }
        figure { margin: 1rem 0; } figcaption { font-weight: 600; margin-bottom: .3rem; }
        svg { width: 100%; height: auto; font-size: 12px; } svg text { fill: var(--text); }
        svg .axis { fill: var(--faint); } .tick { stroke: var(--line); } .one { stroke: var(--faint); stroke-width: 2; }
        .dots { stroke: var(--faint); opacity: .6; } .bar { stroke-width: 3; }
        .bar.good, circle.good { stroke: var(--good); fill: var(--good); }
        .bar.bad, circle.bad { stroke: var(--bad); fill: var(--bad); }
        .bar.none, circle.none { stroke: var(--none); fill: var(--none); }
        """
}
