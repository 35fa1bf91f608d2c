// SPDX-License-Identifier: Apache-2.0

/// What workers send each other for a tick: one C for each region, one E for each pair of regions, one F for each
/// region and worker.
///
/// Who sends a message goes on owning its memory: C and E are free again when every F of their tick has come, F when
/// every worker has said in a later C that it settled the tick.
public enum TickMessage {
    /// C: from a session's worker to a region's.
    case commands(CommandBatch)
    /// E: from a region's worker to another region's.
    case effects(EffectBatch)
    /// F: from a region's worker to every worker.
    case frame(FrameLetter)
}

/// F with the time at which all workers close the next C, so that their ticks stay in step. The time is no part of the
/// frame, which is the same in every run.
public final class FrameLetter: @unchecked Sendable {
    /// What the region's tick left; nil before the letter was first used.
    public internal(set) var frame: Frame?
    /// When this region's worker would close the next tick, in nanoseconds of its clock; the latest of all counts.
    public internal(set) var nextDue: UInt64 = 0
    /// Whom the region waited for when the tick came more than half an interval late; nil when it did not.
    public internal(set) var lateWorker: Int?

    init() {}
}
