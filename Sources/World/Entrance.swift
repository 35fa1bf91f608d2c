// SPDX-License-Identifier: Apache-2.0

/// Where players come into the world.
extension WorldConfiguration {
    /// The tile on which an object appears.
    ///
    /// - Parameters:
    ///   - object: its number, which alone decides where there is no tile to come back to: evenly over the spawn area.
    ///   - tile: where its player left the world; nil, or not on this map, when that does not matter.
    public func entrance(of object: UInt32, at tile: Tile?) -> Tile {
        if let tile, Int(tile.x) < width, Int(tile.y) < height { return tile }
        return Tile(
            x: spawnCoordinate(side: width, object: object, draw: Draw.spawnColumn),
            y: spawnCoordinate(side: height, object: object, draw: Draw.spawnRow))
    }

    private func spawnCoordinate(side: Int, object: UInt32, draw: UInt64) -> UInt16 {
        let room = min(spawnArea ?? side, side)
        let value = World.hash(seed: seed, tick: 0, thing: UInt64(object), draw: draw)
        return UInt16(truncatingIfNeeded: (side - room) / 2 + reduce(value, below: room))
    }
}
