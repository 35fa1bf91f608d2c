// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// The time of turns: CLOCK_MONOTONIC, read every 4 ms and carried on in between by the processor's counter.
///
/// A turn reads the time even where it does nothing else but answer one message, and finds the code and the data of the
/// system's clock in no cache: 140 ns of 12 us for each message of a single connection, of which this leaves a quarter.
///
/// What it says never runs ahead of the system's clock, is at most 6 us behind it, and never goes back. A counter that
/// cannot be trusted costs its use and nothing else: one that is not there, jumps, or does not run as fast as it did.
struct TurnClock {
    /// For how long the counter carries the time on, in nanoseconds.
    private static let period: UInt64 = 4_000_000
    /// For how long reading the system's clock may take at most, in nanoseconds.
    private static let reading: UInt64 = 2_000
    /// Nanoseconds of a count, with 32 bits behind the point, are between those of 10 GHz and of 1 MHz.
    private static let scales: ClosedRange<UInt64> = (1 << 32) / 10...1_000 << 32
    /// The time and the count when the system's clock was last read.
    private var time: UInt64 = 0
    private var count: UInt64 = 0
    /// A little less than what it is, so that the time carried on is not ahead.
    private var scale: UInt64 = 0
    /// Counts from `count` on for which the time is carried on; 0: not at all.
    private var limit: UInt64 = 0
    private var latest: UInt64 = 0

    /// Nanoseconds of CLOCK_MONOTONIC, as `MonotonicClock`.
    @inline(__always)
    mutating func now() -> UInt64 {
        let elapsed = cl_cycle_count() &- count
        guard elapsed < limit else { return read() }
        latest = max(latest, time &+ (elapsed &* scale) >> 32)
        return latest
    }

    @inline(never)
    private mutating func read() -> UInt64 {
        let before = cl_cycle_count()
        let now = MonotonicClock.now()
        let after = cl_cycle_count()
        latest = max(latest, now)
        let (duration, counts) = (now &- time, after &- count)
        // Too short to divide well: the last reading stays the beginning.
        guard time == 0 || duration >= Self.period / 4 else { return latest }
        (time, count, limit) = (now, after, 0)
        // Long enough and yet short enough to multiply.
        guard duration < Self.period &* 1_000, counts > 0 else { return latest }
        let exact = (duration << 32) / counts
        guard Self.scales.contains(exact) else { return latest }
        let wasSame = max(exact, scale) &- min(exact, scale) < exact / 512
        scale = exact &- exact / 1_024
        // Whoever was interrupted between clock and counter knows the time of neither.
        let took = ((after &- before) &* exact) >> 32
        if wasSame, took < Self.reading { limit = (Self.period << 32) / exact }
        return latest
    }
}
