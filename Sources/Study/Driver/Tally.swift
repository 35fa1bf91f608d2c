// SPDX-License-Identifier: Apache-2.0

internal import Histogram

/// What a load counts: answers, and how long each took while it is measured.
struct Tally {
    /// A minute, in nanoseconds; longer delays count as this long.
    private static let longest: UInt64 = 60_000_000_000
    private var delays = Histogram<UInt64>(
        highestTrackableValue: Tally.longest, numberOfSignificantValueDigits: .three)

    /// Messages answered since the process began.
    private(set) var answered: UInt64 = 0
    /// Delays are noted.
    var isMeasuring = false

    /// Notes one answer.
    mutating func answer(after nanoseconds: UInt64) {
        answered += 1
        if isMeasuring { delays.record(min(nanoseconds, Self.longest)) }
    }

    mutating func forgetDelays() { delays.reset() }

    /// Microseconds that `percent` of the delays were at most; 0 without any.
    func microseconds(at percent: Double) -> Double {
        delays.totalCount == 0 ? 0 : Double(delays.valueAtPercentile(percent)) / 1_000
    }
}
