// SPDX-License-Identifier: Apache-2.0

/// Quantiles of a sample, interpolated between its members (Hyndman and Fan's definition 7, as NumPy and R do).
public struct Quantiles: Sendable {
    private let sorted: [Double]

    /// Sorts a sample.
    public init(_ sample: [Double]) { sorted = sample.sorted() }

    /// How many members there are.
    public var count: Int { sorted.count }

    /// The value below which `share` of the sample lies, 0…1; NaN of an empty sample.
    public func value(at share: Double) -> Double {
        guard let last = sorted.last, let first = sorted.first else { return .nan }
        guard share > 0 else { return first }
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        guard below + 1 < sorted.count else { return last }
        return sorted[below] + (sorted[below + 1] - sorted[below]) * (place - Double(below))
    }

    /// The middle.
    public var median: Double { value(at: 0.5) }
}
