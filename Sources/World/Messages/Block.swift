// SPDX-License-Identifier: Apache-2.0

/// A run of whole packets that is encoded once and sent, by reference, to every session that it concerns.
public struct Block: Sendable, BitwiseCopyable {
    /// What the packets are, and so whom they concern.
    public enum Kind: UInt8, Sendable, BitwiseCopyable {
        /// What happened in `sector` to objects that were and are there, came into the world there, or left it there:
        /// for all who are subscribed to it.
        case stay = 0
        /// Objects went from `sector` to `other`: for all who are subscribed to both.
        case move = 1
        /// Objects went from `sector` to `other`: for all who are subscribed to `sector` only.
        case remove = 2
        /// Objects came to `sector` from `other`: for all who are subscribed to `sector` only.
        case add = 3
    }

    /// Who has to hear of it in its tick.
    public enum Urgency: UInt8, Sendable, BitwiseCopyable {
        /// A player did it, or it concerns one: it goes out in its tick.
        case prompt = 0
        /// Monsters wander: it may wait for `Audience.longestWait` ticks, or for what is prompt.
        case ambient = 1
    }

    /// The sector in whose place the block lies.
    public let sector: Sector
    /// The other sector of a pair; `Sector.none` in a stay block.
    public let other: Sector
    /// Whom it concerns.
    public let kind: Kind
    /// Whether it may wait.
    public let urgency: Urgency
    /// Where the packets lie in the frame (`Frame.bytes`).
    public let range: ByteRange

    /// Whether a session with this subscription, unchanged since the last tick, gets the block.
    public func concerns(_ area: SectorArea) -> Bool {
        guard area.contains(sector) else { return false }
        return kind == .stay || area.contains(other) == (kind == .move)
    }

    /// The order of blocks in a frame, and of the blocks of several frames in one output.
    var key: UInt64 { Self.key(sector: sector, kind: kind, urgency, other: other) }

    static func key(sector: Sector, kind: Kind, _ urgency: Urgency, other: Sector) -> UInt64 {
        UInt64(sector.rawValue) << 32 | UInt64(kind.rawValue) << 30 | UInt64(urgency.rawValue) << 29
            | UInt64(other.rawValue)
    }
}
