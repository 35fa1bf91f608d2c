// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Overlapped

/// Timers that are put off and, at last, run out.
@Suite struct WakeTimersTests {
    @Test("a wait ends when one of the timers runs out, not before, and each wakes once")
    func runsOut() {
        let timers = WakeTimers(count: 3)
        #expect(timers.isComplete)
        let began = MonotonicClock.now()
        timers.set(1, nanoseconds: 20_000_000)
        timers.wait(milliseconds: 60_000)
        let took = MonotonicClock.now() - began
        #expect((20_000_000..<30_000_000_000).contains(took))
        let again = MonotonicClock.now()
        timers.wait(milliseconds: 30)
        #expect(MonotonicClock.now() - again >= 30_000_000, "it has run out once")
    }

    @Test("a timer that is set again in time wakes nobody")
    func putOff() {
        let timers = WakeTimers(count: 1)
        timers.set(0, nanoseconds: 60_000_000_000)
        let began = MonotonicClock.now()
        for _ in 0..<10 {
            timers.set(0, nanoseconds: 60_000_000_000)
            timers.wait(milliseconds: 2)
        }
        #expect(MonotonicClock.now() - began >= 20_000_000)
    }

    @Test("a ring ends the next wait, and no other")
    func rings() {
        let timers = WakeTimers(count: 2)
        timers.ring()
        let began = MonotonicClock.now()
        timers.wait(milliseconds: 60_000)
        #expect(MonotonicClock.now() - began < 30_000_000_000)
        timers.wait(milliseconds: 20)
        #expect(MonotonicClock.now() - began >= 20_000_000)
    }
}
