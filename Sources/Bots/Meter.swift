// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Load

/// What the bots received and used between two moments of a run.
struct Meter {
    private struct Reading {
        let counters: LoadCounters
        let processor: UInt64
        let milliseconds: UInt32
    }

    private var first: Reading?
    private var last: Reading?

    mutating func begin(_ load: LoadContext) { first = Self.read(load) }

    /// Only the first call after `begin` counts.
    mutating func end(_ load: LoadContext) {
        if first != nil, last == nil { last = Self.read(load) }
    }

    var milliseconds: UInt64 { difference { UInt64($0.milliseconds) } }
    var packetsReceived: UInt64 { difference(\.counters.packetsReceived) }
    var bytesReceived: UInt64 { difference(\.counters.bytesReceived) }
    /// Processor time of this process in microseconds.
    var processorMicroseconds: UInt64 { difference(\.processor) }

    private func difference(_ value: (Reading) -> UInt64) -> UInt64 {
        guard let first, let last else { return 0 }
        return value(last) &- value(first)
    }

    private static func read(_ load: LoadContext) -> Reading {
        Reading(counters: load.counters, processor: processorMicroseconds(), milliseconds: load.elapsed)
    }

    /// What this process has used so far.
    static func processorMicroseconds() -> UInt64 {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return 0 }
        return UInt64(clamping: time.tv_sec) * 1_000_000 + UInt64(clamping: time.tv_nsec) / 1_000
    }
}
