// SPDX-License-Identifier: Apache-2.0

/// What a decision does to one object. Effects are the only way in which anything in the world changes.
public struct Effect: Sendable, BitwiseCopyable {
    /// The change. The order of the cases is the order of the classes: of the effects on one object the earlier class
    /// is applied first.
    public enum What: Sendable, BitwiseCopyable {
        /// The object comes into the world, for the session that is the effect's source.
        case spawn(x: UInt16, y: UInt16, character: UInt64, name: ByteRange)
        /// It stands on another tile; it may step again at `nextMove` (ms of world time).
        case step(x: UInt16, y: UInt16, nextMove: UInt64)
        /// It says something.
        case say(scope: UInt8, text: ByteRange)
        /// Its session is told of what is in view, or is not.
        case hush(Bool)
        /// It leaves the world.
        case vanish

        var order: UInt8 {
            switch self {
            case .spawn: 0
            case .step: 1
            case .say: 2
            case .hush: 3
            case .vanish: 4
            }
        }
    }

    /// The object that changes.
    public let target: UInt32
    /// The session, later also the object, whose decision it was.
    public let source: UInt64
    /// The number of the command, by source.
    public let number: UInt32
    /// The change.
    public let what: What

    package init(target: UInt32, source: UInt64, number: UInt32, what: What) {
        self.target = target
        self.source = source
        self.number = number
        self.what = what
    }
}
