// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import World

/// The tags of the messages that workers exchange for a tick (C, E and F), and what carries them.
///
/// Who sends a message goes on owning its memory: C and E are free again when F of their tick has come, F when every
/// worker has said in a later C that it settled the tick.
enum TickTag {
    /// `CommandBatch`, from a session's worker to a region's.
    static let commands: UInt32 = 16
    /// `EffectBatch`, from a region's worker to another region's.
    static let effects: UInt32 = 17
    /// `FrameLetter`, from a region's worker to all.
    static let frame: UInt32 = 18
}

/// F with the time at which all workers close the next C, so that their ticks stay in step. The time is no part of the
/// frame, which is the same in every run.
final class FrameLetter {
    var frame: Frame?
    var nextDue: UInt64 = 0
}

/// What the ticks of one worker have done; plain counts.
public struct TickCounters: Sendable, BitwiseCopyable {
    /// Ticks whose frame was delivered here.
    public var ticks: UInt64 = 0
    /// Ticks that came more than half an interval late.
    public var late: UInt64 = 0
    /// Blocks encoded by the region of this worker.
    public var encodes: UInt64 = 0
    /// Sessions whose view was encoded for them alone.
    public var privateViews: UInt64 = 0
    /// References to blocks and private bytes handed to sessions.
    public var deliveries: UInt64 = 0

    init() {}
}
