// SPDX-License-Identifier: Apache-2.0

/// The rules of one run of the world. The same configuration and the same commands give the same bytes.
public struct WorldConfiguration: Hashable, Sendable {
    /// Tiles from west to east; positions are `0..<width`.
    public let width: Int
    /// Tiles from north to south; positions are `0..<height`.
    public let height: Int
    /// How many tiles in each direction a player is always told of; 7 is a view of 15 × 15.
    public let viewRadius: Int
    /// Milliseconds from tick to tick.
    public let tickMilliseconds: Int
    /// Milliseconds between two steps of a player; 0: no limit.
    public let moveIntervalMilliseconds: Int
    /// Where every draw of `hash(seed:tick:thing:draw:)` starts.
    public let seed: UInt64
    /// The side, in tiles, of the square in the middle of the map in which players appear; nil: the whole map.
    public let spawnArea: Int?
    /// Monsters at the beginning, one for each spawn point.
    public let monsters: Int

    /// How far a subscription reaches: the view and one step, so that what comes into view by a step of the player
    /// himself is known already.
    ///
    /// The promise "everything within the view is known" therefore holds while a player makes at most one step in a
    /// tick. Where the move interval allows more, the outermost tiles may be told one tick late.
    public var subscriptionRadius: Int { viewRadius + 1 }

    /// How many tiles further than one sees any rule reaches: none does.
    public static let longestReach = 0

    /// How many tiles beyond its border a region knows of: the view, the longest reach, and a step of either side. The
    /// most that a look-up may ask for (`Region.forEachObject(within:x:y:_:)`).
    public var mirrorDepth: Int { viewRadius + Self.longestReach + 2 }

    /// Describes a world.
    ///
    /// - Precondition: the map's sides are 1…65,535, the view 1…255, the tick 20…100 ms, the interval 0…60,000 ms, the
    ///   spawn area at least 1, the monsters 0…1,000,000.
    public init(
        width: Int = 2_000, height: Int = 2_000, viewRadius: Int = 7, tickMilliseconds: Int = 50,
        moveIntervalMilliseconds: Int = 250, seed: UInt64 = 1, spawnArea: Int? = nil,
        monsters: Int = 0
    ) {
        precondition((1...65_535).contains(width) && (1...65_535).contains(height), "a side of the map is 1…65,535")
        precondition((1...255).contains(viewRadius), "the view radius is 1…255")
        precondition((20...100).contains(tickMilliseconds), "a tick is 20…100 ms")
        precondition((0...60_000).contains(moveIntervalMilliseconds), "the move interval is 0…60,000 ms")
        precondition((spawnArea ?? 1) >= 1, "the spawn area is at least one tile wide")
        precondition((0...Monsters.most).contains(monsters), "there are 0…1,000,000 monsters")
        self.width = width
        self.height = height
        self.viewRadius = viewRadius
        self.tickMilliseconds = tickMilliseconds
        self.moveIntervalMilliseconds = moveIntervalMilliseconds
        self.seed = seed
        self.spawnArea = spawnArea
        self.monsters = monsters
    }
}
