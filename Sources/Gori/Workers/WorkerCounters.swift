// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// What one worker has done since the server started; plain counts.
public struct WorkerCounters: Sendable, BitwiseCopyable {
    /// Connections accepted.
    public var accepted: UInt64 = 0
    /// Sessions open now.
    public var sessions: UInt64 = 0
    /// Bytes received.
    public var bytesReceived: UInt64 = 0
    /// Packets handed to handlers.
    public var packets: UInt64 = 0
    /// Invalid packets.
    public var violations: UInt64 = 0
    /// Gather sends.
    public var sends: UInt64 = 0
    /// Bytes given to sends.
    public var bytesSent: UInt64 = 0
    /// Bytes copied because a socket did not take them.
    public var bytesBacklogged: UInt64 = 0
    /// Sessions ended because they did not read.
    public var slowReaders: UInt64 = 0
    /// Of these, sessions ended because all together held too much and they the most.
    public var endedForMemory: UInt64 = 0
    /// Sessions ended because nothing was heard of them.
    public var silent: UInt64 = 0
    /// Turns of the loop.
    public var turns: UInt64 = 0
    /// Packets that could not be encoded and were not sent.
    public var encodeFailures: UInt64 = 0
    /// Blocks that came from the heap because the pool had none; constant in steady state.
    public var heapBlocks: UInt64 = 0
    /// Connections that were told that the server is full, because no descriptor was left for them.
    public var refusedWaiting: UInt64 = 0
    /// Bytes of backlogs, of packets received in part, and of the turn's output now.
    public var bytesHeld: UInt64 = 0

    /// All zero.
    public init() {}
}

/// Where a worker counts: the counts of `WorkerCounters` in the same order, raised by its thread alone.
struct WorkerCounts: ~Copyable {
    let accepted = LiveCount()
    let sessions = LiveCount()
    let bytesReceived = LiveCount()
    let packets = LiveCount()
    let violations = LiveCount()
    let sends = LiveCount()
    let bytesSent = LiveCount()
    let bytesBacklogged = LiveCount()
    let slowReaders = LiveCount()
    let endedForMemory = LiveCount()
    let silent = LiveCount()
    let turns = LiveCount()
    let encodeFailures = LiveCount()
    let heapBlocks = LiveCount()
    let refusedWaiting = LiveCount()
    let bytesHeld = LiveCount()
}
