// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// What is known of a ratio: the middle of the rotations' ratios, their quartiles, and an interval for the truth.
public struct Estimate: Sendable, Equatable {
    /// How sure an interval is. Not 95 %: a report has a hundred of them, and one in twenty would be wrong.
    public static let confidence = 0.99
    /// With fewer rotations no interval means anything: of seven, the largest and the smallest may both lie on one
    /// side of the truth once in 64 times.
    public static let leastRotations = 8

    /// The median.
    public let median: Double
    /// The lower quartile.
    public let lowerQuartile: Double
    /// The upper quartile.
    public let upperQuartile: Double
    /// The interval's lower end.
    public let low: Double
    /// The interval's upper end.
    public let high: Double
    /// Rotations.
    public let count: Int
    /// So many that do not depend on each other say as much: a machine that is slow for seconds makes a row of
    /// rotations alike, which is no evidence but for the first of them.
    public let independentCount: Int
    private let ratios: [Double]

    /// Estimates from one ratio for each rotation; nil without any.
    public init?(_ ratios: [Double]) {
        let ratios = ratios.filter { $0.isFinite && $0 > 0 }
        let independent = Dependence.independentCount(of: ratios)
        guard
            let interval = Bootstrap.interval(of: ratios, confidence: Self.confidence, independent: independent)
        else { return nil }
        let quantiles = Quantiles(ratios)
        median = quantiles.median
        lowerQuartile = quantiles.value(at: 0.25)
        upperQuartile = quantiles.value(at: 0.75)
        (low, high) = (interval.lowerBound, interval.upperBound)
        count = ratios.count
        independentCount = independent
        self.ratios = ratios
    }

    /// How far the median is from 'no difference', as the logarithm of a factor.
    public var distance: Double { abs(log(median)) }

    /// How far the interval reaches from 'no difference', as the logarithm of a factor: what could be there unseen.
    public var reach: Double { max(abs(log(low)), abs(log(high))) }

    /// What may be said.
    ///
    /// - Parameter floor: the distance that two servers of the same kind were apart in this run; 0: not known.
    public func verdict(floor: Double = 0) -> Verdict {
        guard independentCount >= Self.leastRotations else { return .tooFew }
        guard low > 1 || high < 1, distance > floor else { return .noDifference }
        return median < 1 ? .less : .more
    }

    /// What may be said of one of several estimates that are asked together whether any of them differs: each interval
    /// is so much wider that all of them hold the truth with `confidence` (Bonferroni). One at a time, a difference
    /// would be found by chance in one of a hundred.
    ///
    /// - Parameter family: how many they are.
    public func verdict(amongst family: Int) -> Verdict {
        let alone = verdict()
        guard alone == .less || alone == .more, family > 1 else { return alone }
        let interval = Bootstrap.interval(
            of: ratios, confidence: 1 - (1 - Self.confidence) / Double(family), independent: independentCount,
            draws: 10 * Bootstrap.draws)
        return interval?.contains(1) == false ? alone : .noDifference
    }
}

/// What an estimate allows to say of the right side, compared with the left.
public enum Verdict: String, Sendable {
    /// It has less of it.
    case less
    /// It has more of it.
    case more
    /// The interval holds 1, or the difference is no larger than that of two servers of the same kind.
    case noDifference
    /// There are too few rotations to say anything, or they depend on each other too much.
    case tooFew
    /// The machine has fewer processors than the variant wants.
    case notJudged
}
