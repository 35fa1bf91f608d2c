// SPDX-License-Identifier: Apache-2.0

import Platform
import Testing

/// Counts that their owner raises while others read them.
@Suite struct LiveCountTests {
    @Test("a count is raised, told while it is raised, and set")
    func raising() {
        let count = LiveCount()
        count &+= 41
        #expect(count.next() == 42)
        #expect(count.value == 42)
        count.set(7)
        #expect(count.next() == 8)
        count.set(.max)
        #expect(count.next() == 0)
        #expect(count.value == 0)
    }
}
