// SPDX-License-Identifier: Apache-2.0

/// What a comparison comes to: ratios of the right side to the left, and what each side was like.
public struct Summary: Sendable {
    /// A slice in which other processes had one of our cores for a larger share says little.
    public static let disturbed = 0.1

    /// What it sums up.
    public let comparison: Comparison
    /// The left slices that count, by rotation.
    public let left: [Slice]
    /// The right slices of the same rotations.
    public let right: [Slice]
    /// Rotations that were left out because somebody else had a core.
    public let disturbedRotations: Int
    /// Too few rotations were quiet, and the others count as well.
    public let isNoisy: Bool
    private let estimates: [Metric: Estimate]

    /// Sums up.
    public init(_ comparison: Comparison) {
        self.comparison = comparison
        let pairs = Self.pairs(of: comparison)
        let quiet = pairs.filter { $0.left.withoutCore <= Self.disturbed && $0.right.withoutCore <= Self.disturbed }
        isNoisy = quiet.count < max(Estimate.leastRotations, pairs.count / 2)
        let used = isNoisy ? pairs : quiet
        disturbedRotations = pairs.count - quiet.count
        left = used.map(\.left)
        right = used.map(\.right)
        var estimates: [Metric: Estimate] = [:]
        for metric in Metric.allCases {
            estimates[metric] = Estimate(used.map { metric.value(of: $0.right) / metric.value(of: $0.left) })
        }
        self.estimates = estimates
    }

    /// The ratio of a metric, right to left.
    public subscript(metric: Metric) -> Estimate? { estimates[metric] }

    /// Slices of one rotation, in which both answered something.
    static func pairs(of comparison: Comparison) -> [(left: Slice, right: Slice)] {
        var lefts: [Int: Slice] = [:]
        for slice in comparison.slices where slice.side == .left { lefts[slice.rotation] = slice }
        return comparison.slices.compactMap { slice in
            guard slice.side == .right, slice.messages > 0, let left = lefts[slice.rotation], left.messages > 0 else {
                return nil
            }
            return (left, slice)
        }
    }

    /// Two sums of some slices, one divided by the other; 0 when there is nothing to divide by.
    public static func ratio(
        of slices: [Slice], _ counted: (Slice) -> UInt64, to base: (Slice) -> UInt64 = \.allMessages
    ) -> Double {
        let below = slices.reduce(0) { $0 &+ base($1) }
        return below == 0 ? 0 : Double(slices.reduce(0) { $0 &+ counted($1) }) / Double(below)
    }

    /// The median of a figure of some slices.
    public static func median(of slices: [Slice], _ value: (Slice) -> Double) -> Double {
        Quantiles(slices.map(value)).median
    }
}

/// What two servers of the same kind were apart in this run: the least that a difference must be to be called one.
///
/// Delays of the world are those of its ticks, and an open loop leaves the server idle most of the time: what noise
/// looks like there says nothing of others, so each regime has a floor of its own.
public struct NoiseFloor: Sendable {
    private let distances: [Workload.Regime: [Metric: Double]]
    private let processors: Int
    /// How many A/A comparisons have rotations enough.
    private let family: Int

    /// The largest distance of every metric over the A/A comparisons that have rotations enough.
    ///
    /// - Parameter processors: of the machine; a variant that wants more is not judged.
    public init(_ summaries: [Summary], processors: Int = .max) {
        self.processors = processors
        var distances: [Workload.Regime: [Metric: Double]] = [:]
        for summary in summaries where summary.comparison.kind == .same {
            let regime = summary.comparison.workload.regime
            for metric in Metric.allCases {
                guard let estimate = summary[metric], estimate.independentCount >= Estimate.leastRotations else {
                    continue
                }
                distances[regime, default: [:]][metric] = max(distances[regime]?[metric] ?? 0, estimate.distance)
            }
        }
        self.distances = distances
        family = summaries.count {
            $0.comparison.kind == .same && $0[.processor]?.verdict() ?? .tooFew != .tooFew
        }
    }

    /// The largest of all regimes, as the logarithm of a factor; 0: no A/A comparison says anything.
    public subscript(metric: Metric) -> Double {
        Workload.Regime.allCases.compactMap { distances[$0]?[metric] }.max() ?? 0
    }

    /// What may be said of a comparison. Those that the floor is made of are judged by their intervals alone, all of
    /// them together; without any of its regime it is held against all.
    public func verdict(of summary: Summary, _ metric: Metric) -> Verdict {
        let least = VariantTable.named(summary.comparison.right)?.leastProcessors ?? 1
        guard processors >= least else { return .notJudged }
        guard summary.comparison.kind != .same else {
            return summary[metric]?.verdict(amongst: family) ?? .tooFew
        }
        let floor = distances[summary.comparison.workload.regime]?[metric] ?? self[metric]
        return summary[metric]?.verdict(floor: floor) ?? .tooFew
    }
}
