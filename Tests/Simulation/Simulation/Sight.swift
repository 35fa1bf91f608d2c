// SPDX-License-Identifier: Apache-2.0

/// What servers and clients must have been seen to do in some runs of many, beside what the kernel does (`Mark`): every
/// way out of a fault, every reason for an end.
public enum Sight: Int, CaseIterable, Sendable {
    case overUring, overEpoll, directDescriptors, registeredFiles, oneWorker, manyWorkers, plainBuffers
    case withoutSilentSend, theWorld
    case delivered, answered, blockedSend, trackedSend, backlogPaused, slowReaderEnded, handedOver, groupAcrossWorkers
    case mailboxFull, outputQueued, slowPart, slowPartTimedOut, slowPartFailed, busy, timer, postedBatch, sentAcross
    case helloTimeout, helloExpected, updateNeeded, malformed, violations, silent, leaving, disconnected, packetTimedOut
    case shuttingDown, full, policyRejected, acceptPaused, refusedWaiting, encodeFailure, memoryShed
    case endedByHandler, goodbyeRead, drainForced, halfClosedAnswered, reconnected, sentAgain, cancelRepeated
    case moved, chatted, sawOthers, loggedOut, replaced, hushed, refreshed
}

/// How often each was seen.
public struct Sights: Sendable {
    /// By the number of the sight.
    public private(set) var counts = [UInt64](repeating: 0, count: Sight.allCases.count)

    /// Nothing yet.
    public init() {}

    /// How often.
    public subscript(sight: Sight) -> UInt64 { counts[sight.rawValue] }

    mutating func see(_ sight: Sight, times: UInt64 = 1) { counts[sight.rawValue] &+= times }

    /// Adds those of another run.
    public mutating func add(_ other: Sights) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
    }
}
