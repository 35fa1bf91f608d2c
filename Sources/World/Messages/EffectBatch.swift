// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// The message E: what one region's decisions of one tick do to the objects of one region, itself included.
///
/// In any order: who applies it sorts by (target, class, source, number). Memory is kept over `removeAll`. One thread
/// at a time has it, as with `CommandBatch`.
public final class EffectBatch: @unchecked Sendable {
    /// The tick in which the effects were decided and are applied.
    public private(set) var tick: UInt64 = 0

    private var effectColumn: Column<Effect>
    private var texts: ByteArena

    /// Makes an empty batch with room for `capacity` effects before it grows.
    public init(capacity: Int = 1_024) {
        effectColumn = Column(capacity: capacity)
        texts = ByteArena(capacity: 16 * capacity)
    }

    /// The effects; valid until the batch changes.
    public var effects: UnsafeBufferPointer<Effect> { effectColumn.view }

    /// The bytes of a name or text of one of the effects; valid until the batch changes.
    public func text(_ range: ByteRange) -> UnsafeRawBufferPointer { texts.slice(range) }

    package func begin(tick: UInt64) {
        self.tick = tick
        effectColumn.removeAll()
        texts.removeAll()
    }

    package func append(_ effect: Effect) { effectColumn.append(effect) }

    package func append(text: RawSpan) -> ByteRange { texts.append(text) }
}
