// SPDX-License-Identifier: Apache-2.0

internal import World

/// What all bots of a run write into: the checks, and what one bot alone cannot know.
struct BotsRecord {
    var checks = CheckList()
    /// The objects of the bots.
    var players = ObjectTable()
    /// Moves that were never answered.
    var lost: UInt64 = 0
    /// Sessions that ended before their bot wanted it.
    var disconnected = 0
    /// Milliseconds of the server's tick, from the first `enterWorld`.
    var tick: UInt16 = 0
    /// The last words of a server that drains.
    var farewell: String?
}
