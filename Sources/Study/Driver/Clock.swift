// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Clocks of the kernel, in nanoseconds.
enum Clock {
    /// Goes on whatever happens; its zero means nothing.
    @inline(__always)
    static func now() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// The calling process's own processor time.
    static func ownProcessor() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    /// The clock of another process's processor time, its kernel threads included (clock_getcpuclockid(3)).
    static func processor(of process: pid_t) -> clockid_t? {
        var clock = clockid_t()
        return clock_getcpuclockid(process, &clock) == 0 ? clock : nil
    }

    @inline(__always)
    static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
