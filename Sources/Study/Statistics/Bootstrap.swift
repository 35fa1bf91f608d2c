// SPDX-License-Identifier: Apache-2.0

internal import Load

/// How far a median may be from the truth, by drawing from the sample again and again (Efron's percentile interval).
///
/// The generator starts at the same place each time: the same sample gives the same interval on every machine.
public enum Bootstrap {
    /// Samples drawn.
    public static let draws = 4_000
    private static let seed: UInt64 = 0x6F72_6947

    /// The interval that holds the median with `confidence`, 0…1.
    public static func interval(of sample: [Double], confidence: Double) -> ClosedRange<Double>? {
        guard let first = sample.first else { return nil }
        guard sample.count > 1 else { return first...first }
        var generator = SplitMix64(seed: seed)
        var drawn = sample
        let medians = (0..<draws).map { _ in
            for place in drawn.indices { drawn[place] = sample[generator.below(sample.count)] }
            return Quantiles(drawn).median
        }
        let quantiles = Quantiles(medians)
        let tail = (1 - confidence) / 2
        let low = quantiles.value(at: tail)
        return low...max(low, quantiles.value(at: 1 - tail))
    }
}
