// SPDX-License-Identifier: Apache-2.0

/// A character as it is listed to whoever logs in.
public struct StoredCharacter: Hashable, Sendable {
    /// Above 0; never given to another, also when the character is gone.
    public let id: UInt64
    /// Unique among characters, byte by byte.
    public let name: String

    /// Describes a character.
    public init(id: UInt64, name: String) {
        self.id = id
        self.name = name
    }
}

/// Where a character stands, in tiles.
public struct StoredPosition: Hashable, Sendable, BitwiseCopyable {
    /// Whose it is.
    public let character: UInt64
    /// The column.
    public let x: UInt16
    /// The row.
    public let y: UInt16

    /// Describes a position.
    public init(character: UInt64, x: UInt16, y: UInt16) {
        self.character = character
        self.x = x
        self.y = y
    }
}
