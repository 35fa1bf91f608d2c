// SPDX-License-Identifier: Apache-2.0

internal import Overlapped

/// One deadline for each session slot, in a wheel of 8 ms steps.
///
/// Deadlines are checked lazily: an entry fires at or before its session's real deadline, the owner looks, and enters
/// the next one. What lies beyond the wheel's horizon of 32 s fires at the horizon. Setting and moving cost O(1).
struct TimerWheel: ~Copyable {
    private static let stepShift: UInt64 = 23
    private static let stepCount = 4_096
    private var earliest: UInt64 = MonotonicClock.never
    private var currentStep: UInt64
    private let next: UnsafeMutablePointer<Int32>
    private let previous: UnsafeMutablePointer<Int32>
    private let step: UnsafeMutablePointer<Int32>
    private let heads: UnsafeMutablePointer<Int32>
    private var bitmap = [UInt64](repeating: 0, count: stepCount / 64)

    init(capacity: Int, now: UInt64) {
        next = .allocate(capacity: capacity)
        previous = .allocate(capacity: capacity)
        step = .allocate(capacity: capacity)
        heads = .allocate(capacity: Self.stepCount)
        next.initialize(repeating: -1, count: capacity)
        previous.initialize(repeating: -1, count: capacity)
        step.initialize(repeating: -1, count: capacity)
        heads.initialize(repeating: -1, count: Self.stepCount)
        currentStep = now >> Self.stepShift
    }

    deinit {
        next.deallocate()
        previous.deallocate()
        step.deallocate()
        heads.deallocate()
    }

    /// A time before which nothing fires, in nanoseconds; `MonotonicClock.never` when the wheel is empty.
    var nextDeadline: UInt64 { earliest }

    /// Says what time it is. An empty wheel would otherwise count its horizon from when something was last in it.
    mutating func advance(to now: UInt64) {
        if earliest == MonotonicClock.never { currentStep = max(currentStep, now >> Self.stepShift) }
    }

    /// Enters or moves a slot's deadline.
    mutating func set(_ slot: Int, deadline: UInt64) {
        cancel(slot)
        // Rounded up: an entry that fires before its time would be looked at twice.
        let wanted = (deadline >> Self.stepShift) &+ 1
        let target = min(max(wanted, currentStep &+ 1), currentStep &+ UInt64(Self.stepCount - 1))
        let index = Int(target % UInt64(Self.stepCount))
        step[slot] = Int32(truncatingIfNeeded: index)
        next[slot] = heads[index]
        previous[slot] = -1
        if heads[index] >= 0 { previous[Int(heads[index])] = Int32(truncatingIfNeeded: slot) }
        heads[index] = Int32(truncatingIfNeeded: slot)
        bitmap[index >> 6] |= 1 << UInt64(index & 63)
        earliest = min(earliest, target << Self.stepShift)
    }

    /// Takes a slot's deadline out.
    mutating func cancel(_ slot: Int) {
        let index = Int(step[slot])
        guard index >= 0 else { return }
        let after = next[slot]
        let before = previous[slot]
        if before >= 0 { next[Int(before)] = after } else { heads[index] = after }
        if after >= 0 { previous[Int(after)] = before }
        if heads[index] < 0 { bitmap[index >> 6] &= ~(1 << UInt64(index & 63)) }
        step[slot] = -1
    }

    /// Takes out one slot whose deadline has come, nil when there is none.
    mutating func expire(at now: UInt64) -> Int? {
        advance(to: now)
        guard now >= earliest else { return nil }
        let target = now >> Self.stepShift
        while currentStep <= target {
            let head = heads[Int(currentStep % UInt64(Self.stepCount))]
            if head >= 0 {
                cancel(Int(head))
                return Int(head)
            }
            guard currentStep < target else { break }
            currentStep &+= 1
        }
        earliest = findEarliest()
        return nil
    }

    private func findEarliest() -> UInt64 {
        let words = Self.stepCount / 64
        let start = Int(currentStep % UInt64(Self.stepCount))
        for offset in 0...words {
            let word = (start >> 6 &+ offset) % words
            var bits = bitmap[word]
            if offset == 0 { bits &= ~0 << UInt64(start & 63) }
            if offset == words { bits &= (1 << UInt64(start & 63)) &- 1 }
            guard bits != 0 else { continue }
            let index = word << 6 &+ bits.trailingZeroBitCount
            let distance = (index &- start &+ Self.stepCount) % Self.stepCount
            return (currentStep &+ UInt64(distance)) << Self.stepShift
        }
        return MonotonicClock.never
    }
}
