// SPDX-License-Identifier: Apache-2.0

/// One thing that a session asks of the world. Texts lie in the batch (`CommandBatch.text`).
public struct Command: Sendable, BitwiseCopyable {
    /// What is asked.
    public enum What: Sendable, BitwiseCopyable {
        /// The session's player comes into the world as `object`, whose number no other ever had, where it left it.
        case enter(request: UInt32, object: UInt32, character: UInt64, name: ByteRange, at: Tile?)
        /// The player steps to a neighbouring tile.
        case move(sequence: UInt32, clientTime: UInt64, x: UInt16, y: UInt16)
        /// The player says something.
        case chat(request: UInt32, scope: UInt8, text: ByteRange)
        /// The player leaves the world and nobody asked for an answer: the connection is gone.
        case leave
        /// The player leaves the world and the client is told so.
        case logout(request: UInt32)
        /// The client does not read: it is told that nothing is in view, and then nothing but answers.
        case hush
        /// The client reads again: it is told everything that is in view.
        case refresh
    }

    /// Who asks; its worker is in the highest eight bits.
    public let session: UInt64
    /// The arrival number that the session's worker gave: rises by session, says nothing between sessions.
    public let number: UInt32
    /// What is asked.
    public let what: What
}
