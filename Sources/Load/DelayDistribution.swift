// SPDX-License-Identifier: Apache-2.0

internal import Histogram

/// A distribution of delays in microseconds to three significant digits (HdrHistogram), and its exact maximum.
public struct DelayDistribution: Sendable {
    /// An hour; longer delays count as this long.
    private static let longest: UInt64 = 3_600_000_000
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: DelayDistribution.longest, numberOfSignificantValueDigits: .three)

    /// The longest, in microseconds.
    public private(set) var maximum: UInt64 = 0

    /// No delays.
    public init() {}

    /// How many.
    public var count: UInt64 { histogram.totalCount }

    /// Adds one.
    public mutating func record(microseconds: UInt64) {
        let value = min(microseconds, Self.longest)
        histogram.record(value)
        if value > maximum { maximum = value }
    }

    /// The delay in microseconds that `percent` of all were at most, up to a thousandth more than the real one but
    /// never more than the longest; 0 without any.
    public func percentile(_ percent: Double) -> UInt64 {
        count == 0 ? 0 : min(histogram.valueAtPercentile(percent), maximum)
    }

    /// Forgets everything.
    public mutating func reset() {
        histogram.reset()
        maximum = 0
    }
}
