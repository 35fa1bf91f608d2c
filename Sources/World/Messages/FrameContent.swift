// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// The memory of a frame, apart from the class, so that a region writes it under one access.
struct FrameContent: ~Copyable {
    var blocks = Column<Block>(capacity: 1_024)
    var blockBytes = ByteArena(capacity: 1 << 16)
    var privates = Column<PrivateSection>(capacity: 1_024)
    var privateBytes = ByteArena(capacity: 1 << 16)
    var subscriptions = Column<SubscriptionChange>(capacity: 256)
    var ended = Column<UInt64>(capacity: 256)
    var released = Column<SectorArea>(capacity: 256)
    var places = Column<Place>(capacity: 1_024)
    var crossings = Column<Entity>(capacity: 1)
    var mirror = Column<Entity>(capacity: 1)

    mutating func removeAll() {
        blocks.removeAll()
        blockBytes.removeAll()
        privates.removeAll()
        privateBytes.removeAll()
        subscriptions.removeAll()
        ended.removeAll()
        released.removeAll()
        places.removeAll()
        crossings.removeAll()
        mirror.removeAll()
    }
}
