// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// How much values that were measured one after the other depend on each other.
public enum Dependence {
    /// How many values that do not depend on each other say as much: n (1 − r) / (1 + r), where r is how much each is
    /// like the one before it (Bayley and Hammersley, Journal of the Royal Statistical Society, Supplement 8, 1946, for
    /// a process of first order).
    ///
    /// Likeness that chance alone shows once in twenty times counts as none.
    public static func independentCount(of values: [Double]) -> Int {
        let likeness = likeness(of: values)
        guard likeness > 1.645 / Double(values.count).squareRoot() else { return values.count }
        return max(1, Int((Double(values.count) * (1 - likeness) / (1 + likeness)).rounded()))
    }

    /// The correlation of the ranks of neighbours, -1…1; 0 where all are the same. Of ranks, because a single slice
    /// that the machine has disturbed would otherwise hide it.
    public static func likeness(of values: [Double]) -> Double {
        guard values.count > 2 else { return 0 }
        let ranks = ranks(of: values)
        let mean = Double(values.count - 1) / 2
        var together = 0.0
        var alone = 0.0
        for place in ranks.indices {
            alone += (ranks[place] - mean) * (ranks[place] - mean)
            if place > 0 { together += (ranks[place] - mean) * (ranks[place - 1] - mean) }
        }
        return alone == 0 ? 0 : together / alone
    }

    /// The place of each value in order, from 0; equal ones share the middle of theirs.
    private static func ranks(of values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = Array(repeating: 0.0, count: values.count)
        var first = 0
        while first < order.count {
            var last = first
            while last + 1 < order.count, values[order[last + 1]] == values[order[first]] { last += 1 }
            for place in first...last { ranks[order[place]] = Double(first + last) / 2 }
            first = last + 1
        }
        return ranks
    }
}
