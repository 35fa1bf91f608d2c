// SPDX-License-Identifier: Apache-2.0

/// What the ticks of one worker have done; plain counts, nothing but `UInt64`.
public struct TickCounters: Sendable, BitwiseCopyable {
    /// Ticks whose frames were delivered here.
    public var ticks: UInt64 = 0
    /// Ticks that came more than half an interval late because all waited for this worker.
    public var late: UInt64 = 0
    /// Blocks encoded by the region of this worker.
    public var encodes: UInt64 = 0
    /// Sessions whose view the region of this worker encoded, or a part of it, for them alone.
    public var privateViews: UInt64 = 0
    /// Entities that left the region of this worker for another.
    public var crossings: UInt64 = 0
    /// Steps of monsters in its region.
    public var monsterSteps: UInt64 = 0
    /// References to blocks and private bytes handed to sessions.
    public var deliveries: UInt64 = 0
    /// Outputs: one for each session and tick in which it gets anything.
    public var outputs: UInt64 = 0
    /// Bytes of these.
    public var outputBytes: UInt64 = 0
    /// Of these, bytes that were copied because others waited for the same client already.
    public var copiedBytes: UInt64 = 0
    /// Sessions that were told of nothing any more, because their clients did not read.
    public var hushes: UInt64 = 0
    /// Of these, sessions that were told everything again, because their clients read on.
    public var refreshes: UInt64 = 0
    /// Ticks in which a session was told of nothing, over all sessions.
    public var untold: UInt64 = 0
    /// Ticks that a recording should have and has not, because it fell behind or could not be written.
    public var unrecorded: UInt64 = 0

    init() {}

    /// Every count with its name.
    public var named: [(name: String, value: UInt64)] {
        [
            ("ticks", ticks), ("late", late), ("encodes", encodes), ("privateViews", privateViews),
            ("crossings", crossings), ("monsterSteps", monsterSteps),
            ("deliveries", deliveries), ("outputs", outputs), ("outputBytes", outputBytes),
            ("copiedBytes", copiedBytes), ("hushes", hushes), ("refreshes", refreshes), ("untold", untold),
            ("unrecorded", unrecorded),
        ]
    }
}
