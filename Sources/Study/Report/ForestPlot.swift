// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Ratios side by side on a logarithmic scale: for each row every rotation as a faint dot, the interval as a bar and
/// the median as a mark. What lies left of 1 is less than the left side has.
struct ForestPlot {
    struct Row {
        var label: Text
        var dots: [Double]
        var estimate: Estimate
        var verdict: Verdict
    }

    var title: Text
    /// Less is better: decides about colours.
    var lessIsBetter: Bool
    var rows: [Row]

    private static let rowHeight = 22.0
    private static let labelWidth = 250.0
    private static let width = 860.0
    private static let top = 14.0
    private static let bottom = 26.0

    /// The elements of an SVG drawing, which stands inline in the page.
    var svg: String {
        let height = Self.top + Double(rows.count) * Self.rowHeight + Self.bottom
        let (low, high) = bounds
        func x(_ value: Double) -> Double {
            let place = (log(min(max(value, low), high)) - log(low)) / (log(high) - log(low))
            return Self.labelWidth + place * (Self.width - Self.labelWidth - 20)
        }
        var lines = [
            "<svg viewBox=\"0 0 \(number(Self.width)) \(number(height))\" role=\"img\""
                + " aria-label=\"\(Escape.html(title.english))\">"
        ]
        for tick in ticks(low, high) {
            let place = number(x(tick))
            let kind = tick == 1 ? "one" : "tick"
            let end = number(height - Self.bottom + 4)
            lines.append("<line class=\"\(kind)\" x1=\"\(place)\" y1=\"4\" x2=\"\(place)\" y2=\"\(end)\"/>")
            let text = Figures.short(tick)
            lines.append(
                "<text class=\"axis\" x=\"\(place)\" y=\"\(number(height - 8))\" text-anchor=\"middle\">\(text)</text>")
        }
        for (place, row) in rows.enumerated() {
            let middle = Self.top + (Double(place) + 0.5) * Self.rowHeight
            lines += elements(of: row, at: middle, x)
        }
        lines.append("</svg>")
        return lines.joined(separator: "\n")
    }

    private func elements(of row: Row, at middle: Double, _ x: (Double) -> Double) -> [String] {
        let y = number(middle)
        let kind = colour(of: row.verdict)
        let languages: [Language?] = row.label.isTranslated ? Language.allCases : [nil]
        var lines = languages.map { language in
            let mark = language.map { " lang=\"\($0.rawValue)\"" } ?? ""
            let text = Escape.html(row.label[language ?? .english])
            return "<text\(mark) x=\"4\" y=\"\(number(middle + 4))\">\(text)</text>"
        }
        let dots = row.dots.map { "M\(number(x($0))) \(number(middle - 4))v8" }.joined()
        if !dots.isEmpty { lines.append("<path class=\"dots\" d=\"\(dots)\"/>") }
        let (from, upTo) = (number(x(row.estimate.low)), number(x(row.estimate.high)))
        lines.append("<line class=\"bar \(kind)\" x1=\"\(from)\" y1=\"\(y)\" x2=\"\(upTo)\" y2=\"\(y)\"/>")
        lines.append("<circle class=\"\(kind)\" cx=\"\(number(x(row.estimate.median)))\" cy=\"\(y)\" r=\"4\"/>")
        return lines
    }

    private func colour(of verdict: Verdict) -> String {
        switch verdict {
        case .less: lessIsBetter ? "good" : "bad"
        case .more: lessIsBetter ? "bad" : "good"
        case .noDifference, .tooFew, .notJudged: "none"
        }
    }

    /// Wide enough for every interval, and for the middle half of the dots; never narrower than a tenth.
    private var bounds: (low: Double, high: Double) {
        var reach = log(1.1)
        for row in rows {
            let quartiles = max(abs(log(row.estimate.lowerQuartile)), abs(log(row.estimate.upperQuartile)))
            reach = max(reach, row.estimate.reach, quartiles)
        }
        reach = min(reach * 1.1, log(32))
        return (exp(-reach), exp(reach))
    }

    private func ticks(_ low: Double, _ high: Double) -> [Double] {
        let steps: [Double] =
            high > 4
            ? [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 20]
            : high > 1.6 ? [0.25, 0.5, 0.7, 1, 1.4, 2, 4] : [0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.4, 1.6]
        return steps.filter { $0 >= low && $0 <= high }
    }

    private func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
