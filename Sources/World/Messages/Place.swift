// SPDX-License-Identifier: Apache-2.0

/// A tile of the map.
public struct Tile: Hashable, Sendable, BitwiseCopyable {
    /// The column.
    public let x: UInt16
    /// The row.
    public let y: UInt16

    /// Names a tile, which need not be on the map.
    public init(x: UInt16, y: UInt16) {
        self.x = x
        self.y = y
    }
}

/// Where the player of a session stands now, told in every tick in which that is somewhere else than before, and in the
/// tick in which he comes. Who keeps positions for longer than a run lives on these.
public struct Place: Hashable, Sendable, BitwiseCopyable {
    /// Whose player it is.
    public let session: UInt64
    /// Where he stands at the end of the tick; where he stood last, if he left the world in it.
    public let tile: Tile
}
