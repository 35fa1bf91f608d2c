// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing

@testable import Gori

@Suite struct TimerWheelTests {
    private static let step: UInt64 = 1 << 23
    private static let second: UInt64 = 1_000_000_000

    private func expireAll(_ wheel: inout TimerWheel, at now: UInt64) -> [Int] {
        var fired: [Int] = []
        while let slot = wheel.expire(at: now) { fired.append(slot) }
        return fired
    }

    @Test("random deadlines fire once each, never early and at most one step late")
    func oracle() {
        for seed in UInt64(0)..<10 {
            var dice = Dice(seed: seed)
            var now = UInt64(dice.below(1 << 50))
            var wheel = TimerWheel(capacity: 500, now: now)
            var deadlines: [Int: UInt64] = [:]
            for _ in 0..<2_000 {
                for _ in 0..<dice.below(20) {
                    let slot = dice.below(500)
                    switch dice.below(10) {
                    case 0:
                        wheel.cancel(slot)
                        deadlines[slot] = nil
                    case 1:
                        // In the past or now: it fires with the next step.
                        wheel.set(slot, deadline: now)
                        deadlines[slot] = now
                    default:
                        let deadline = now + UInt64(dice.below(Int(20 * Self.second)))
                        wheel.set(slot, deadline: deadline)
                        deadlines[slot] = deadline
                    }
                }
                let advance = dice.chance(5) ? Int(2 * Self.second) : Int(Self.step) * 3
                now += UInt64(dice.below(advance))
                if let earliest = deadlines.values.min() { #expect(wheel.nextDeadline <= earliest + Self.step) }
                for slot in expireAll(&wheel, at: now) {
                    guard let deadline = deadlines.removeValue(forKey: slot) else {
                        Issue.record("slot \(slot) was not set, seed \(seed)")
                        continue
                    }
                    #expect(deadline <= now, "early")
                }
                let overdue = deadlines.values.count { $0 + 2 * Self.step <= now }
                #expect(overdue == 0, "late, seed \(seed)")
            }
        }
    }

    @Test("nothing fires before what nextDeadline says, and an empty wheel has none")
    func nextDeadline() {
        var wheel = TimerWheel(capacity: 4, now: 0)
        #expect(wheel.nextDeadline == MonotonicClock.never)
        wheel.set(0, deadline: 5 * Self.second)
        let next = wheel.nextDeadline
        #expect(next >= 5 * Self.second && next <= 5 * Self.second + Self.step)
        #expect(expireAll(&wheel, at: next - 1).isEmpty)
        #expect(expireAll(&wheel, at: next) == [0])
        #expect(wheel.nextDeadline == MonotonicClock.never)
    }

    @Test("moving a deadline leaves nothing of the old one, cancelling nothing at all")
    func moveAndCancel() {
        var wheel = TimerWheel(capacity: 4, now: 0)
        wheel.set(0, deadline: Self.second)
        wheel.set(0, deadline: 3 * Self.second)
        wheel.set(1, deadline: Self.second)
        wheel.cancel(1)
        wheel.cancel(1)
        wheel.cancel(2)
        #expect(expireAll(&wheel, at: 2 * Self.second).isEmpty)
        wheel.set(0, deadline: 2 * Self.second + Self.step)
        #expect(expireAll(&wheel, at: 3 * Self.second) == [0])
        #expect(expireAll(&wheel, at: 40 * Self.second).isEmpty)
    }

    @Test("what lies beyond the horizon of 32 s fires at the horizon, to be entered again")
    func horizon() {
        var wheel = TimerWheel(capacity: 2, now: 0)
        let deadline = 100 * Self.second
        var now: UInt64 = 0
        wheel.set(0, deadline: deadline)
        var looks = 0
        while true {
            now = wheel.nextDeadline
            #expect(now <= deadline + Self.step)
            guard expireAll(&wheel, at: now) == [0] else {
                Issue.record("nothing fired at \(now)")
                return
            }
            if now >= deadline { break }
            looks += 1
            #expect(now >= UInt64(looks) * 32 * Self.second)
            wheel.set(0, deadline: deadline)
        }
        #expect(looks == 2)
    }

    @Test("many slots of one step all fire")
    func crowd() {
        var wheel = TimerWheel(capacity: 1_000, now: 0)
        for slot in 0..<1_000 { wheel.set(slot, deadline: Self.second) }
        for slot in stride(from: 0, to: 1_000, by: 3) { wheel.cancel(slot) }
        let fired = expireAll(&wheel, at: 2 * Self.second)
        #expect(Set(fired) == Set((0..<1_000).filter { $0 % 3 != 0 }))
        #expect(fired.count == Set(fired).count)
    }

    @Test("a wheel that stood empty for minutes does not fire the next deadline early")
    func longIdle() {
        var wheel = TimerWheel(capacity: 2, now: 0)
        wheel.set(1, deadline: Self.second)
        #expect(expireAll(&wheel, at: 2 * Self.second) == [1])
        let now = 120 * Self.second
        #expect(expireAll(&wheel, at: now).isEmpty)
        wheel.set(0, deadline: now + 5 * Self.second)
        #expect(expireAll(&wheel, at: now + 4 * Self.second).isEmpty)
        #expect(expireAll(&wheel, at: now + 6 * Self.second) == [0])
    }
}
