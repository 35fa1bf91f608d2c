// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// How numbers are written in a report: the same on every machine.
enum Figures {
    /// Three significant digits, or all before the point.
    static func short(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        let digits = value == 0 ? 0 : max(0, min(4, 2 - Int(log10(abs(value)).rounded(.down))))
        return String(format: "%.\(digits)f", value)
    }

    /// A whole number, in groups of three.
    static func whole(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "–" }
        var digits = String(Int(value.rounded()))
        var place = digits.count - 3
        while place > (value < 0 ? 1 : 0) {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: place))
            place -= 3
        }
        return digits
    }

    static func ratio(_ value: Double) -> String { value.isFinite ? String(format: "%.3f", value) : "–" }

    /// `0.921 (0.910–0.934)`.
    static func estimate(_ estimate: Estimate?) -> String {
        guard let estimate else { return "–" }
        return "\(ratio(estimate.median)) (\(ratio(estimate.low))–\(ratio(estimate.high)))"
    }

    static func percent(_ share: Double) -> String {
        guard share.isFinite else { return "–" }
        return String(format: abs(share) < 0.0995 ? "%.1f %%" : "%.0f %%", share * 100)
    }

    /// The per cent by which a factor differs from 1.
    static func change(_ factor: Double) -> String { percent(abs(factor - 1)) }
}
