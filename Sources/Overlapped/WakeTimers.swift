// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// Timers that wake one thread, each set by a thread of its own: timerfd_create(2) on CLOCK_MONOTONIC.
///
/// Setting one that is set puts it off: whoever does so again and again in time never wakes anybody. That is what a
/// watchdog waits for.
public final class WakeTimers: Sendable {
    private let timers: [Int32]
    private let bell: Int32

    /// Makes timers, none of which is set. Those for which there is no descriptor are missing.
    public init(count: Int) {
        timers = (0..<count).map { _ in cl_timer_create() }
        bell = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    }

    deinit {
        for descriptor in timers + [bell] where descriptor >= 0 { close(descriptor) }
    }

    /// Whether no timer and no bell is missing.
    public var isComplete: Bool { bell >= 0 && timers.allSatisfy { $0 >= 0 } }

    /// Sets a timer, or puts it off. One thread for each timer.
    public func set(_ index: Int, nanoseconds: UInt64) {
        if timers[index] >= 0 { cl_timer_set(timers[index], nanoseconds) }
    }

    /// Ends a wait, or the next one. Any thread.
    public func ring() {
        var one: UInt64 = 1
        if bell >= 0 { _ = write(bell, &one, MemoryLayout<UInt64>.size) }
    }

    /// Waits until a timer runs out or somebody rings, or for so many milliseconds; -1: without end. One thread.
    public func wait(milliseconds: Int32) {
        var entries = (timers + [bell]).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return }
        for entry in entries where entry.revents != 0 {
            var count: UInt64 = 0
            _ = read(entry.fd, &count, MemoryLayout<UInt64>.size)
        }
    }
}
