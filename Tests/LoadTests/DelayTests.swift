// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Load

/// What delays become: percentiles, and the course's number.
@Suite("Delays")
struct DelayTests {
    @Test func percentiles() {
        var delays = DelayDistribution()
        #expect(delays.percentile(50) == 0)
        for delay in 1...1_000 as ClosedRange<UInt64> { delays.record(microseconds: delay * 1_000) }
        #expect(delays.count == 1_000)
        #expect(delays.maximum == 1_000_000)
        #expect(abs(Int(delays.percentile(50)) - 500_000) <= 1_000)
        #expect(abs(Int(delays.percentile(99)) - 990_000) <= 1_000)
        #expect(delays.percentile(100) == 1_000_000)
        delays.reset()
        #expect(delays.count == 0 && delays.maximum == 0)
    }

    @Test("An absurd delay is counted, as an hour") func absurd() {
        var delays = DelayDistribution()
        delays.record(microseconds: .max)
        #expect(delays.count == 1 && delays.maximum == 3_600_000_000)
    }

    @Test("The course's number moves by one millisecond an answer, and not below 0") func estimator() {
        var estimator = CourseEstimator()
        estimator.record(microseconds: 999)
        #expect(estimator.milliseconds == 0)
        for _ in 0..<5 { estimator.record(microseconds: 80_000) }
        #expect(estimator.milliseconds == 5)
        estimator.record(microseconds: 5_900)
        #expect(estimator.milliseconds == 5)
        for _ in 0..<9 { estimator.record(microseconds: 100) }
        #expect(estimator.milliseconds == 0)
        estimator.record(microseconds: .max)
        #expect(estimator.milliseconds == 1)
    }

    @Test("SplitMix64 as published") func splitMix() {
        var random = SplitMix64(seed: 1_234_567)
        let numbers = [random.next(), random.next(), random.next()]
        #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
        let nothing = [random.below(1), random.below(0)]
        #expect(nothing == [0, 0])
    }
}
