// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Gori

/// When a turn counts as stalled, from looks that are made up: times are in milliseconds here.
@Suite struct StallDetectorTests {
    private static let ms: UInt64 = 1_000_000

    private func detector(cpu: UInt64 = 25, wall: UInt64 = 250) -> StallDetector {
        StallDetector(limits: .init(processorTime: cpu * Self.ms, wallTime: wall * Self.ms))
    }

    private func sample(
        began: UInt64, turn: UInt64, used: UInt64, base: UInt64 = 100, doing: UInt64 = 0
    ) -> WorkerActivity.Sample {
        var sample = WorkerActivity.Sample()
        sample.began = began * Self.ms
        sample.turn = turn
        sample.processorTime = used * Self.ms
        sample.base = base * Self.ms
        sample.doing = doing
        return sample
    }

    /// Looks at a turn that began at `began`, every 10 ms until `end`, having used so much before and all time since,
    /// where it is known that it was not more than `base`.
    private func spin(
        _ detector: inout StallDetector, began: UInt64, turn: UInt64 = 5, until end: UInt64, usedBefore: UInt64 = 100,
        base: UInt64? = nil
    ) -> [StallDetector.Finding] {
        stride(from: began + 10, through: end, by: 10).compactMap { now in
            let used = usedBefore + now - began
            return detector.look(
                sample(began: began, turn: turn, used: used, base: base ?? usedBefore), now: now * Self.ms)
        }
    }

    private func factors(_ findings: [StallDetector.Finding]) -> [UInt64] {
        findings.map {
            guard case .stalled(let wallTime, _, _) = $0 else { return 0 }
            return wallTime / Self.ms
        }
    }

    @Test("a worker that does nothing, and one with a new turn at every look, are never named")
    func healthy() {
        var detector = detector()
        for now in UInt64(1)...1_000 {
            #expect(detector.look(sample(began: 0, turn: 5, used: 100), now: now * 10 * Self.ms) == nil)
        }
        for turn in UInt64(6)...1_000 {
            let now = 20_000 + turn * 10
            let busy = sample(began: now - 9, turn: turn, used: turn * 9, base: turn * 9 - 9)
            #expect(detector.look(busy, now: now * Self.ms) == nil)
            #expect(!detector.hasReported)
        }
    }

    @Test("a turn counts from the most that its thread may have used when it began")
    func base() {
        var exact = detector()
        #expect(factors(spin(&exact, began: 1_000, until: 1_040)) == [30])
        var vague = detector()
        #expect(factors(spin(&vague, began: 1_000, until: 1_040, base: 106)) == [40])
        var early = detector()
        #expect(factors(spin(&early, began: 1_000, until: 1_040, base: 200)) == [], "nothing is certain yet")
    }

    @Test("the processor time at the beginning of a turn is at most that of the last reading and the time since")
    func reading() throws {
        let published = PublishedCounters(workerCount: 1)
        let page = published.activity(of: 0)
        page.pointee.adoptThread()
        page.pointee.readProcessorTime(at: 1_000)
        page.pointee.begin(6_000, turn: 1)
        let first = page.pointee.sample()
        page.pointee.begin(1_000, turn: 2)
        let second = page.pointee.sample()
        let (late, exact) = (try #require(first), try #require(second))
        #expect(late.base == exact.base + 5_000)
        #expect(exact.base > 0 && exact.base <= exact.processorTime)
    }

    @Test("it is said at the limit, at 10 and at 100 times the limit, and when it is over")
    func again() {
        var detector = detector()
        for now in UInt64(1)...3 { _ = detector.look(sample(began: 0, turn: 4, used: 100), now: now * Self.ms) }
        #expect(factors(spin(&detector, began: 1_000, until: 60_000)) == [30, 250, 2_500])
        let over = detector.look(sample(began: 0, turn: 5, used: 59_100), now: 60_010 * Self.ms)
        #expect(over == .recovered(wallTime: 59_010 * Self.ms, processorTime: 59_000 * Self.ms))
        #expect(detector.look(sample(began: 0, turn: 5, used: 59_100), now: 60_020 * Self.ms) == nil)
    }

    @Test("a turn that uses no processor time is named by the clock, and what it does is followed")
    func wall() {
        var detector = detector()
        var findings: [StallDetector.Finding] = []
        for now in stride(from: UInt64(1_010), through: 1_400, by: 10) {
            let look = sample(began: 1_000, turn: 5, used: 100, doing: now < 1_100 ? 1 : 2)
            if let finding = detector.look(look, now: now * Self.ms) { findings.append(finding) }
        }
        #expect(findings == [.stalled(wallTime: 250 * Self.ms, processorTime: 0, seen: 150 * Self.ms)])
    }

    @Test("a stalled turn that is followed by another at once is over, and the other is judged anew")
    func next() {
        var detector = detector()
        _ = detector.look(sample(began: 900, turn: 4, used: 0), now: 905 * Self.ms)
        #expect(factors(spin(&detector, began: 1_000, until: 1_100)) == [30])
        let over = detector.look(sample(began: 1_105, turn: 6, used: 205, base: 200), now: 1_110 * Self.ms)
        #expect(over == .recovered(wallTime: 110 * Self.ms, processorTime: 105 * Self.ms))
        #expect(factors(spin(&detector, began: 1_105, turn: 6, until: 1_150, usedBefore: 200)) == [30])
    }

    @Test("limits of 0 are off")
    func off() {
        var wallOnly = detector(cpu: 0)
        #expect(factors(spin(&wallOnly, began: 1_000, until: 1_400)) == [250])
        var cpuOnly = detector(wall: 0)
        for now in stride(from: UInt64(1_010), through: 9_000, by: 10) {
            #expect(cpuOnly.look(sample(began: 1_000, turn: 5, used: 100), now: now * Self.ms) == nil)
        }
        #expect(StallDetector.Limits(processorTime: 0, wallTime: 0).areOff)
    }

    @Test("what a worker publishes is read as it was written")
    func activity() throws {
        let published = PublishedCounters(workerCount: 3)
        let page = published.activity(of: 1)
        func look(_ worker: Int) -> WorkerActivity.Sample? { published.activity(of: worker).pointee.sample() }
        page.pointee.adoptThread()
        #expect(look(1)?.began == 0)
        page.pointee.begin(77, turn: 9)
        page.pointee.note(SessionID(worker: 1, slot: 8, generation: 3))
        page.pointee.note(.packet, detail: 65_535, count: 1 << 40 | 6)
        let first = look(1)
        let sample = try #require(first)
        #expect(sample.began == 77 && sample.turn == 9 && sample.phase == .packet && sample.detail == 65_535)
        #expect(sample.description == "handles a packet of type 65535 of session 1.8.3")
        #expect(sample.processorTime > 0)
        page.pointee.note(.packet, detail: 65_535, count: 1 << 40 | 7)
        #expect(look(1)?.doing != sample.doing)
        page.pointee.end()
        #expect(look(1)?.began == 0)
        #expect(look(0)?.processorTime == 0, "no thread of its own")
    }
}
