// SPDX-License-Identifier: Apache-2.0

/// What a bot wants done after a packet.
enum BotReply: Equatable {
    case none
    case login
    case select(character: UInt64)
    /// It stands in the world: the walk begins.
    case walk
    case pong(token: UInt64)
    /// A move was answered, so many microseconds after its intended time.
    case moved(delay: UInt64)
    /// Its session is over.
    case leave
    /// The server drains: the run is over.
    case serverLeaves
}
