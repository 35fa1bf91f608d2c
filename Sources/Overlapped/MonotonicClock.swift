// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// Nanoseconds of CLOCK_MONOTONIC (clock_gettime(2)): the one clock of deadlines and timers.
public enum MonotonicClock {
    /// A deadline that never comes.
    public static let never = UInt64.max

    /// Now, in nanoseconds since an arbitrary start.
    public static func now() -> UInt64 { cl_monotonic_nanoseconds() }
}
