// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// What a port has done since it was made; plain counts.
public struct PortCounters: Sendable, BitwiseCopyable {
    /// System calls made by the port.
    public var systemCalls: UInt64 = 0
    /// Completions taken from the kernel.
    public var completions: UInt64 = 0
    /// Submissions given to the kernel.
    public var submissions: UInt64 = 0
    /// Sends that the kernel did not take whole.
    public var blockedSends: UInt64 = 0
    /// Receives that ended because no buffer was free.
    public var buffersExhausted: UInt64 = 0
    /// Times the completion queue overflowed.
    public var overflows: UInt64 = 0
    /// Completions of keys that were no longer in use.
    public var stale: UInt64 = 0
    /// Times the kernel took none, or not all, of what was queued for it; the rest was given to it again.
    public var submitsRefused: UInt64 = 0
    /// Tracked sends that the kernel cut short and that were carried on.
    public var sendsContinued: UInt64 = 0
    /// Closes that had to wait for something in flight.
    public var closesInFlight: UInt64 = 0
    /// Receives that brought bytes for a stream that was being closed.
    public var lateReceives: UInt64 = 0
    /// Cancels that came too late or too early and were asked again.
    public var cancelsRepeated: UInt64 = 0
    /// Times accepting stopped because the kernel refused, as for want of descriptors.
    public var acceptPauses: UInt64 = 0

    /// Times the kernel found no memory where a submission said (EFAULT): 0, or somebody has freed memory too early.
    public var faults: UInt64 = 0
    /// Sends that the kernel took without copying them first (`PortTechniques.zeroCopySend`).
    public var zeroCopySends: UInt64 = 0
    /// Of these, sends that it copied after all on their way, as it does on the loopback interface.
    public var zeroCopyCopied: UInt64 = 0
    /// Completions for bytes in several receive buffers (`PortTechniques.receiveBundles`).
    public var receiveBundles: UInt64 = 0

    /// All zero.
    public init() {}
}

/// Where a port counts: the counts of `PortCounters` in the same order, raised by the port's thread alone.
struct PortCounts: ~Copyable {
    let systemCalls = LiveCount()
    let completions = LiveCount()
    let submissions = LiveCount()
    let blockedSends = LiveCount()
    let buffersExhausted = LiveCount()
    let overflows = LiveCount()
    let stale = LiveCount()
    let submitsRefused = LiveCount()
    let sendsContinued = LiveCount()
    let closesInFlight = LiveCount()
    let lateReceives = LiveCount()
    let cancelsRepeated = LiveCount()
    let acceptPauses = LiveCount()
    let faults = LiveCount()
    let zeroCopySends = LiveCount()
    let zeroCopyCopied = LiveCount()
    let receiveBundles = LiveCount()

    /// Where freed memory is made inaccessible, this is what is looked for, and the trap shows who did it.
    func noteFault() {
        faults &+= 1
        precondition(!IOMemory.isGuarded, "EFAULT: the kernel was to use memory that has been freed")
    }
}

/// What a port counts, for any thread and at any time; outlives the port.
public final class PortCounterMemory: @unchecked Sendable {
    let counts: UnsafeMutablePointer<PortCounts>

    /// All zero, in cache lines of its own.
    @_spi(Measuring)
    public init() {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<PortCounts>.size, alignment: 128)
        counts = memory.bindMemory(to: PortCounts.self, capacity: 1)
        counts.initialize(to: PortCounts())
    }

    deinit {
        counts.deinitialize(count: 1)
        counts.deallocate()
    }

    /// What has been counted so far.
    public var counters: PortCounters {
        var counters = PortCounters()
        add(to: &counters)
        return counters
    }

    /// Adds what has been counted so far to `sums`.
    public func add(to sums: inout PortCounters) { LiveCounts.add(counts, to: &sums) }
}
