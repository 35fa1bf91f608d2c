// SPDX-License-Identifier: Apache-2.0

/// The message F: all that one region's tick left, read by every worker and changed by none.
///
/// ```
/// blocks          encoded once, in the order of the sectors, row by row; contiguous in memory in that order
/// privates        for each session that gets something of its own: answers first, then what changed in its view
/// subscriptions   what sessions will be subscribed to in the next tick
/// ended           sessions whose player left the world; they get no more blocks, from this tick on
/// places          where players stand now who came or moved, in the order of their objects
/// crossings       entities that the neighbour owns from the next tick on       (empty with one region)
/// mirror          entities near a border, as they stand now                    (empty with one region)
/// ```
///
/// A subscription follows from where the player stands at the end of tick t, travels in F of t, and is in force in
/// tick t + 1. In t + 1 the session is told privately what the change brings and takes away, together with what
/// happens in that tick; from t + 2 on it gets shared blocks. So a session gets its privates and no blocks in the tick
/// after a change, and in every other tick the blocks of its subscription.
///
/// Addresses stay as they are until the frame is used again, which is when every worker has said that it settled this
/// tick (`CommandBatch.settledThrough`).
public final class Frame: @unchecked Sendable {
    /// The tick that left this.
    public private(set) var tick: UInt64 = 0
    /// Blocks that were encoded: a function of what happened, never of who looks.
    public var encodes: Int { content.blocks.count }
    /// Sessions whose view was encoded for them alone, because their subscription had changed.
    public internal(set) var privateViews = 0

    var content = FrameContent()

    /// Makes an empty frame.
    init() {}

    /// The blocks in their order.
    public var blocks: UnsafeBufferPointer<Block> { content.blocks.view }

    /// The packets of a block.
    public func bytes(of block: Block) -> UnsafeRawBufferPointer { content.blockBytes.slice(block.range) }

    /// Who gets something of its own, by session.
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

    /// Entities that crossed into another region.
    public var crossings: UnsafeBufferPointer<Entity> { content.crossings.view }

    /// Entities that the neighbours must see, as they stand at the end of the tick.
    public var mirror: UnsafeBufferPointer<Entity> { content.mirror.view }

    func begin(tick: UInt64) {
        self.tick = tick
        privateViews = 0
        content.removeAll()
    }
}

/// What one session gets alone.
public struct PrivateSection: Sendable, BitwiseCopyable {
    /// Whom it is for.
    public let session: UInt64
    /// Where the packets lie (`Frame.bytes`).
    public let range: ByteRange
}

/// What a session is subscribed to from the next tick on.
public struct SubscriptionChange: Sendable, BitwiseCopyable {
    /// Whose it is.
    public let session: UInt64
    /// Everything in these sectors, and nothing else, is what the client knows at the end of the next tick.
    public let area: SectorArea
}
