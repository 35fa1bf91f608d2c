// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Load

/// The wheel: everything once, in order, with the time it was meant for.
@Suite("Schedule")
struct ScheduleTests {
    private func drain(_ schedule: inout Schedule, at now: UInt32) -> [String] {
        var taken: [String] = []
        while let (entry, intended) = schedule.takeDue(at: now) { taken.append("\(entry)@\(intended)") }
        return taken
    }

    @Test func inOrderOfTime() {
        var schedule = Schedule(capacity: 4)
        schedule.set(0, at: 30)
        schedule.set(1, at: 10)
        schedule.set(2, at: 20)
        #expect(schedule.nextTime == 10)
        #expect(drain(&schedule, at: 9).isEmpty)
        #expect(drain(&schedule, at: 25) == ["1@10", "2@20"])
        #expect(schedule.nextTime == 30)
        #expect(drain(&schedule, at: 100) == ["0@30"])
        #expect(schedule.nextTime == nil)
    }

    @Test("What is overdue when it is set keeps its intended time, and is due at once") func overdue() {
        var schedule = Schedule(capacity: 1)
        #expect(drain(&schedule, at: 5_000).isEmpty)
        schedule.set(0, at: 1_000)
        #expect(schedule.nextTime == 5_001)
        #expect(drain(&schedule, at: 5_001) == ["0@1000"])
    }

    @Test("After a stall every missed time is taken, one after the other") func stall() {
        var schedule = Schedule(capacity: 1)
        schedule.set(0, at: 1_000)
        var intended: [UInt32] = []
        while let due = schedule.takeDue(at: 4_500) {
            intended.append(due.intended)
            schedule.set(0, at: due.intended + 1_000)
        }
        #expect(intended == [1_000, 2_000, 3_000, 4_000])
        #expect(drain(&schedule, at: 5_000) == ["0@5000"])
    }

    @Test("More than a turn of the wheel ahead") func farAhead() {
        var schedule = Schedule(capacity: 2)
        schedule.set(0, at: 10_000)
        schedule.set(1, at: 10_000 - 4_096)
        #expect(drain(&schedule, at: 9_999) == ["1@5904"])
        #expect(drain(&schedule, at: 10_000) == ["0@10000"])
    }

    @Test func setAgainAndCancel() {
        var schedule = Schedule(capacity: 3)
        for entry in 0..<3 { schedule.set(entry, at: 10) }
        schedule.set(1, at: 20)
        schedule.cancel(0)
        #expect(drain(&schedule, at: 15) == ["2@10"])
        schedule.cancel(2)
        #expect(drain(&schedule, at: 30) == ["1@20"])
    }

    @Test("Cancelling what is due and not taken yet") func cancelFiring() {
        var schedule = Schedule(capacity: 3)
        for entry in 0..<3 { schedule.set(entry, at: 10) }
        let first = schedule.takeDue(at: 10)?.entry
        let others = (0..<3).filter { $0 != first }
        schedule.cancel(others[0])
        #expect(drain(&schedule, at: 10) == ["\(others[1])@10"])
    }
}
