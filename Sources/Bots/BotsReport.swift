// SPDX-License-Identifier: Apache-2.0

public import Load

/// What a run of bots found.
public struct BotsReport: Sendable {
    /// What was played.
    public var scenario = Scenario.course
    /// Bots that were asked for, the settled not counted.
    public var count = 0
    /// `storm`: bots that were there before the wave.
    public var settled = 0
    /// Bots that connected.
    public var connected = 0
    /// Milliseconds for which all bots that could be were in the world.
    public var steadyMilliseconds: UInt64 = 0
    /// From the intended time of a move to its answer, for moves intended while all bots were in the world.
    public var delays = DelayDistribution()
    /// The same for moves intended before, while bots were still coming.
    public var rampDelays = DelayDistribution()
    /// From the time at which a connection was meant to be made until its bot was in the world (`hotspot`: among the
    /// others); not of the settled.
    public var entryDelays = DelayDistribution()
    /// `storm`: delays of the settled before the wave.
    public var settledBefore = DelayDistribution()
    /// `storm`: delays of the settled during the wave.
    public var settledDuring = DelayDistribution()
    /// Milliseconds from the first connection (`storm`: of the wave) until everybody was where they play.
    public var comingMilliseconds: UInt64 = 0
    /// Milliseconds for which the next three were measured: as nearly as can be those with all in the world.
    public var measuredMilliseconds: UInt64 = 0
    /// Packets received in them.
    public var measuredPackets: UInt64 = 0
    /// Bytes received in them.
    public var measuredBytes: UInt64 = 0
    /// Processor time of this process in them, in microseconds.
    public var measuredProcessor: UInt64 = 0
    /// The course's number over all moves.
    public var courseDelay = CourseEstimator()
    /// What went over the connections, in packets.
    public var counters = LoadCounters()
    /// Moves that were never answered.
    public var lost: UInt64 = 0
    /// Sessions that ended before their bot wanted it.
    public var disconnected = 0
    /// Milliseconds of the server's tick; 0 when no bot entered the world.
    public var tick: UInt16 = 0
    /// Processor time of this process, in milliseconds.
    public var processorMilliseconds: UInt64 = 0
    /// Milliseconds from start to end.
    public var totalMilliseconds: UInt64 = 0
    /// Every check.
    public var checks = CheckList()
    /// What a server said that went away during the run.
    public var farewell: String?

    /// Whether every check held and the server stayed.
    public var isOK: Bool { checks.failed.isEmpty && farewell == nil }

    /// Nothing yet.
    public init() {}
}
