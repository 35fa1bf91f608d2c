// SPDX-License-Identifier: Apache-2.0

import Platform
import Testing

@_spi(Measuring) @testable import Overlapped

/// Counts of ports, as any thread may read them.
struct PortCounterTests {
    @Test("what is counted while it happens has the name under which it is told")
    func places() {
        let memory = PortCounterMemory()
        let counts = memory.counts
        counts.pointee.systemCalls &+= 1
        counts.pointee.completions &+= 2
        counts.pointee.submissions &+= 3
        counts.pointee.blockedSends &+= 4
        counts.pointee.buffersExhausted &+= 5
        counts.pointee.overflows &+= 6
        counts.pointee.stale &+= 7
        counts.pointee.submitsRefused &+= 8
        counts.pointee.sendsContinued &+= 9
        counts.pointee.closesInFlight &+= 10
        counts.pointee.lateReceives &+= 11
        counts.pointee.cancelsRepeated &+= 12
        counts.pointee.acceptPauses &+= 13
        counts.pointee.faults &+= 14
        counts.pointee.zeroCopySends &+= 15
        counts.pointee.zeroCopyCopied &+= 16
        counts.pointee.receiveBundles &+= 17
        let told = Mirror(reflecting: memory.counters).children.compactMap { $0.value as? UInt64 }
        let counted = Mirror(reflecting: PortCounters()).children.count
        #expect(told == (1...counted).map { UInt64($0) })
    }
}
