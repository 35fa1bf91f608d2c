// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Overlapped

/// The time of turns keeps to the system's clock.
@Suite struct TurnClockTests {
    @Test("the time never runs ahead of the system's clock, never goes back, and is hardly behind", arguments: [0, 1])
    func time(pauses: Int) {
        var clock = TurnClock()
        var last: UInt64 = 0
        var carriedOn = 0
        let end = MonotonicClock.now() + 300_000_000
        var before: UInt64 = 0
        while before < end {
            before = MonotonicClock.now()
            let time = clock.now()
            let after = MonotonicClock.now()
            if time > after || time < last || time + 100_000 < before {
                Issue.record("\(time) between \(before) and \(after), behind \(last)")
                return
            }
            if time < before { carriedOn += 1 }
            last = time
            // Readings of the system's clock then lie further apart than the counter is trusted for.
            if pauses > 0 { while MonotonicClock.now() < after + 6_000_000 {} }
        }
        #if arch(x86_64)
            if pauses == 0 { #expect(carriedOn > 0, "the counter is used") }
        #endif
    }
}
