// SPDX-License-Identifier: Apache-2.0

/// What must happen in some runs of many: a simulation in which a fault never fires, or a way out of one is never
/// taken, proves nothing about it.
public enum Mark: Int, CaseIterable, Sendable {
    case shortReceive, oneByteReceive, shortSend, refusedSend, lateFailure, fullSocket, cutTrackedSend
    case multishotEnds, noBuffers, earlyNoBuffers, receiveLimit, bufferUsedUp
    case cancelFound, cancelMissed, cancelTooLate, cancelAnsweredFirst, dataAfterShutdown, dataAfterCancel
    case submitRefused, submitPartial, overflow, overflowFailure, workLeft
    case descriptorReused, descriptorReusedElsewhere, connectionAborted
    case earlyWake, deadline, reordered, preempted, arrivedMeanwhile, doorbell
    case resetSent, resetReceived, resetWithUnread, finishedByServer, finishedByClient, sendTimedOut
    case spuriousEvent, eventDelivered, writableAgain
}

/// How often each mark was made.
public struct Marks: Sendable {
    /// By the number of the mark.
    public private(set) var counts = [UInt64](repeating: 0, count: Mark.allCases.count)

    /// None yet.
    public init() {}

    /// How often.
    public subscript(mark: Mark) -> UInt64 { counts[mark.rawValue] }

    mutating func make(_ mark: Mark) { counts[mark.rawValue] &+= 1 }

    /// Adds those of another run.
    public mutating func add(_ other: Marks) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
    }
}
