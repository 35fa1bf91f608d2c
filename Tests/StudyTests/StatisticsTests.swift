// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Study

/// Quantiles, intervals and verdicts, against values that other programs have computed.
@Suite("Statistics")
struct StatisticsTests {
    private let sample = [0.93, 0.97, 1.01, 0.95, 0.99, 0.96, 0.94, 1.02, 0.98, 0.955]

    private func isClose(_ value: Double, _ other: Double) -> Bool { abs(value - other) < 1e-12 }

    @Test("Quantiles are those of numpy.quantile, whose default is the same definition") func quantiles() {
        let quantiles = Quantiles(sample)
        #expect(isClose(quantiles.median, 0.965))
        #expect(isClose(quantiles.value(at: 0.25), 0.95125))
        #expect(isClose(quantiles.value(at: 0.75), 0.9875))
        #expect(quantiles.value(at: 0) == 0.93 && quantiles.value(at: 1) == 1.02)
        #expect(Quantiles([3, 1, 2]).median == 2)
        #expect(Quantiles([7]).value(at: 0.99) == 7)
        #expect(Quantiles([]).median.isNaN)
    }

    @Test("The interval is that of the same draws in another language") func bootstrap() throws {
        let wide = try #require(Bootstrap.interval(of: sample, confidence: 0.99))
        #expect(isClose(wide.lowerBound, 0.935))
        #expect(abs(wide.upperBound - 1.013_820_121_414_946_7) < 1e-6)
        let narrow = try #require(Bootstrap.interval(of: sample, confidence: 0.95))
        #expect(isClose(narrow.lowerBound, 0.94) && isClose(narrow.upperBound, 1))
        #expect(Bootstrap.interval(of: sample, confidence: 0.99) == wide)
        #expect(Bootstrap.interval(of: [2, 2, 2], confidence: 0.99) == 2...2)
        #expect(Bootstrap.interval(of: [5], confidence: 0.99) == 5...5)
        #expect(Bootstrap.interval(of: [], confidence: 0.99) == nil)
    }

    @Test(
        "What is cut off is what Student's t says, as another program has it",
        arguments: [(8, 9.1606e-5), (10, 3.0669e-4), (12, 5.8951e-4), (48, 3.33421e-3)])
    func tails(count: Int, tail: Double) {
        #expect(abs(Bootstrap.expandedTail(0.005, count: count) / tail - 1) < 0.03)
    }

    @Test("Of forty samples of a skewed source, the interval misses the true median in two at most") func coverage() {
        var generator = Draws(state: 3)
        var missed = 0
        for _ in 0..<40 {
            // u² of a uniform u: the median is 1/4.
            let drawn = (0..<16).map { _ in generator.uniform() }.map { $0 * $0 }
            guard let interval = Bootstrap.interval(of: drawn, confidence: 0.99) else { continue }
            if !interval.contains(0.25) { missed += 1 }
        }
        #expect(missed <= 2)
    }

    @Test func verdicts() throws {
        let less = try #require(Estimate([0.90, 0.91, 0.92, 0.90, 0.91, 0.92, 0.91, 0.90]))
        #expect(less.verdict() == .less)
        let more = try #require(Estimate([1.1, 1.11, 1.12, 1.1, 1.11, 1.12, 1.11, 1.1]))
        #expect(more.verdict() == .more)
        let none = try #require(Estimate([0.95, 1.05, 0.99, 1.01, 0.98, 1.02, 1.0, 0.97]))
        #expect(none.verdict() == .noDifference)
        let few = try #require(Estimate([0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]))
        #expect(few.verdict() == .tooFew)
    }

    @Test("Of many that are asked together, one must be surer to be called different") func families() throws {
        var generator = Draws(state: 5)
        let near = try #require(Estimate((0..<24).map { _ in 0.993 + generator.uniform() / 30 }))
        #expect(near.low > 1 && near.verdict() == .more)
        #expect(near.verdict(amongst: 1) == .more && near.verdict(amongst: 17) == .noDifference)
        let far = try #require(Estimate((0..<24).map { _ in 1.02 + generator.uniform() / 30 }))
        #expect(far.verdict(amongst: 17) == .more)
        let few = try #require(Estimate([0.5, 0.5, 0.5]))
        #expect(few.verdict(amongst: 17) == .tooFew)
    }

    @Test("Rotations that come in rows of the same count for less, and a row of all of them for nothing")
    func dependence() throws {
        var generator = Draws(state: 9)
        let apart = (0..<48).map { _ in 0.8 + generator.uniform() / 10 }
        let free = try #require(Estimate(apart))
        #expect(free.independentCount > 40 && free.verdict() == .less)
        // Slow for half of the time and fast for the other, which of the two servers does not matter.
        let states = (0..<48).map { $0 % 24 < 12 ? 0.5 + generator.uniform() / 10 : 0.9 + generator.uniform() / 10 }
        let bound = try #require(Estimate(states))
        #expect((2..<24).contains(bound.independentCount))
        #expect(bound.high - bound.low > free.high - free.low)
        let drift = try #require(Estimate((0..<40).map { 0.5 + Double($0) / 100 }))
        #expect(drift.independentCount < Estimate.leastRotations && drift.verdict() == .tooFew)
    }

    @Test("Neighbours that are alike are told from those that are not, and outliers do not hide it")
    func likeness() {
        #expect(isClose(Dependence.likeness(of: [1, 2, 3, 4, 5]), 0.4))
        #expect(isClose(Dependence.likeness(of: [1, 5, 1, 5, 1, 5]), -5.0 / 6))
        #expect(Dependence.likeness(of: [2, 2, 2, 2]) == 0)
        #expect(Dependence.likeness(of: [1, 2]) == 0)
        let steps = (0..<40).map { $0 < 20 ? 1.0 : 2.0 }
        var disturbed = steps
        disturbed[7] = 1_000
        #expect(Dependence.likeness(of: steps) > 0.9 && Dependence.likeness(of: disturbed) > 0.7)
        #expect(Dependence.independentCount(of: []) == 0)
    }

    @Test("A variant that wants more processors than there are is reported and not judged") func processors() {
        let comparison = Samples.comparison(
            .variants, "io_uring", "submission-polling", (0..<12).map { _ in (1_000, 2_000) })
        let summary = Summary(comparison)
        #expect(NoiseFloor([], processors: 2).verdict(of: summary, .processor) == .notJudged)
        #expect(NoiseFloor([], processors: 3).verdict(of: summary, .processor) == .more)
        let other = Summary(
            Samples.comparison(.variants, "io_uring", "fixed-wait", (0..<12).map { _ in (1_000, 2_000) }))
        #expect(NoiseFloor([], processors: 2).verdict(of: other, .processor) == .more)
    }

    @Test("A difference no larger than that of two of the same kind is none") func floor() throws {
        let estimate = try #require(Estimate(Array(repeating: 1.02, count: 12)))
        #expect(estimate.verdict() == .more)
        #expect(estimate.verdict(floor: estimate.distance) == .noDifference)
        #expect(estimate.verdict(floor: estimate.distance / 2) == .more)
    }

    @Test("Ratios that are none are left out") func notANumber() throws {
        let estimate = try #require(Estimate([1, .nan, .infinity, 0, 1]))
        #expect(estimate.count == 2 && estimate.median == 1)
        #expect(Estimate([.nan]) == nil)
    }
}

/// Knuth's linear congruential generator: repeatable, and not the one under test.
private struct Draws {
    var state: UInt64

    mutating func uniform() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) / Double(1 << 53)
    }
}
