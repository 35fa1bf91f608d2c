// SPDX-License-Identifier: Apache-2.0

/// What the simulated kernel does that is allowed, rare, and has broken servers.
public enum Fault: Int, CaseIterable, Sendable {
    /// A receive brings fewer bytes than there are, down to one.
    case shortReceive
    /// A send takes fewer bytes than there is room for, down to one.
    case shortSend
    /// A send takes nothing for want of memory, or is told to try again.
    case refusedSend
    /// A failed send is reported behind other completions of its batch.
    case lateFailure
    /// A send that is waited for ends before all of it is taken.
    case cutTrackedSend
    /// A multishot operation ends although it could go on.
    case multishotEnds
    /// A receive is told that there is no buffer while there are some.
    case earlyNoBuffers
    /// A cancel does not find its operation, which goes on; or its own completion comes first.
    case cancelRace
    /// A submission takes nothing of what is queued.
    case refusedSubmit
    /// A submission takes some of what is queued.
    case partialSubmit
    /// An accept fails: no descriptor, an aborted connection.
    case acceptError
    /// A wait returns before anything has happened, or an enter before what has overflowed has been moved.
    case earlyWake
    /// Completions of different streams change places.
    case reorder
    /// Another thread runs between the queueing of a submission and its taking, or something arrives in the middle of a
    /// call.
    case preemption
    /// Readiness is told for nothing.
    case spuriousEvent
}

/// How often each fault happens in a run: some never, some often.
public struct FaultPlan: Sendable {
    /// In a thousand occasions, by the number of the fault.
    public private(set) var rates = [Int](repeating: 0, count: Fault.allCases.count)

    /// No fault.
    public init() {}

    /// Draws which faults exist, each with even odds, and how often each happens.
    public init(drawnFrom dice: inout Dice) {
        for fault in Fault.allCases where dice.chance(500) { rates[fault.rawValue] = dice.pick([5, 20, 60, 200, 400]) }
        // Operations that are refused again and again would take all of a run's time.
        for fault in [Fault.refusedSubmit, .acceptError, .refusedSend] {
            rates[fault.rawValue] = min(rates[fault.rawValue], 100)
        }
    }

    /// How often a fault happens, in a thousand occasions.
    public subscript(fault: Fault) -> Int {
        get { rates[fault.rawValue] }
        set { rates[fault.rawValue] = newValue }
    }
}
