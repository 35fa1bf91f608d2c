// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// The message F: all that one region's tick left, read by every worker and changed by none.
///
/// ```
/// blocks          encoded once, in the order of the sectors, row by row; contiguous in memory in that order
/// privates        for each session that gets something of its own: answers first, then its view in three parts
/// subscriptions   what sessions will be subscribed to in the next tick
/// ended           sessions whose player left the world; they get no more blocks, from this tick on
/// released        what they were subscribed to
/// places          where players stand now who came or moved, in the order of their objects
/// crossings       entities that another region owns from the next tick on      (empty with one region)
/// mirror          own entities near a border, as they stand now                (empty with one region)
/// ```
///
/// A subscription follows from where the player stands at the end of tick t, travels in F of t, and is in force in
/// tick t + 1. In t + 1 the session is told privately what the change brings and takes away, together with what
/// happens in that tick; from t + 2 on it gets shared blocks. So a session gets its privates and no blocks in the tick
/// after a change, and in every other tick the blocks of its subscription. A client that does not read is subscribed to
/// nothing for a while (`Command.What.hush`), which is a change like any other: it forgets all, and later learns all.
///
/// Addresses stay as they are until the frame is used again, which is when every worker has said that it settled this
/// tick (`CommandBatch.settledThrough`).
public final class Frame: @unchecked Sendable {
    /// Which region's it is.
    public let region: Int
    /// The tick that left this.
    public private(set) var tick: UInt64 = 0
    /// Blocks that were encoded: a function of what happened, never of who looks.
    public var encodes: Int { content.blocks.count }
    /// Sessions whose view was encoded for them alone, because their subscription had changed.
    public internal(set) var privateViews = 0

    /// Monsters that the region let step.
    public internal(set) var monsterSteps = 0

    var content = FrameContent()

    /// Makes an empty frame.
    init(region: Int) { self.region = region }

    /// The blocks in their order.
    public var blocks: UnsafeBufferPointer<Block> { content.blocks.view }

    /// The packets of a block.
    public func bytes(of block: Block) -> UnsafeRawBufferPointer { content.blockBytes.slice(block.range) }

    /// Who gets something of its own, by session and part.
    public var privates: UnsafeBufferPointer<PrivateSection> { content.privates.view }

    /// The packets that only this session gets.
    public func bytes(of section: PrivateSection) -> UnsafeRawBufferPointer {
        content.privateBytes.slice(section.range)
    }

    /// New subscriptions, by session, in force in the next tick.
    public var subscriptions: UnsafeBufferPointer<SubscriptionChange> { content.subscriptions.view }

    /// Sessions whose player left the world in this tick, by session.
    public var ended: UnsafeBufferPointer<UInt64> { content.ended.view }

    /// Where players stand at the end of the tick who came or moved in it, each once.
    public var places: UnsafeBufferPointer<Place> { content.places.view }

    /// What the sessions that ended were subscribed to; in no order that means anything.
    public var released: UnsafeBufferPointer<SectorArea> { content.released.view }

    /// Entities that crossed into another region: values with all that belongs to them.
    public var crossings: UnsafeBufferPointer<Entity> { content.crossings.view }

    /// Entities that the neighbours must see, as they stand at the end of the tick.
    public var mirror: UnsafeBufferPointer<Entity> { content.mirror.view }

    func begin(tick: UInt64) {
        self.tick = tick
        privateViews = 0
        monsterSteps = 0
        content.removeAll()
    }
}

/// What one session gets alone.
///
/// A view is written by all regions that have a part in it, each in the parts of its own objects. Part by part, and
/// within a part region by region, is the same order on any number of regions.
public struct PrivateSection: Sendable, BitwiseCopyable {
    /// What the packets are.
    public enum Part: UInt8, CaseIterable, Sendable, BitwiseCopyable {
        /// Answers to what the session asked, of the one region that decided them.
        case answers = 0
        /// Of what it knew: what happened to it, and what it no longer knows.
        case known = 1
        /// What is and stays in sectors that are new to it.
        case new = 2
        /// What came from sectors that it did not know.
        case incoming = 3
    }

    /// Whom it is for.
    public let session: UInt64
    /// What it is.
    public let part: Part
    /// Where the packets lie (`Frame.bytes`).
    public let range: ByteRange
}

/// What a session is subscribed to from the next tick on.
public struct SubscriptionChange: Sendable, BitwiseCopyable {
    /// Whose it is.
    public let session: UInt64
    /// The object that it plays, of which it is not told.
    public let object: UInt32
    /// What it was subscribed to in this tick; empty when it came into the world in it, or was hushed.
    public let before: SectorArea
    /// Everything in these sectors, and nothing else, is what the client knows at the end of the next tick.
    public let area: SectorArea
}
