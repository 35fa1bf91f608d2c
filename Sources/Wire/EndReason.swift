// SPDX-License-Identifier: Apache-2.0

/// Why a session ended, as it stands in `Goodbye`. Values above 63 belong to games.
public struct EndReason: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The value on the wire.
    public let rawValue: UInt8

    /// Makes a reason of its number.
    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The client or the game said that it leaves.
    public static let leaving = EndReason(rawValue: 1)
    /// The server drains.
    public static let shuttingDown = EndReason(rawValue: 2)
    /// A packet's size was below its header's or above the maximum.
    public static let malformed = EndReason(rawValue: 3)
    /// Something else came where only `Hello` is legal.
    public static let helloExpected = EndReason(rawValue: 4)
    /// No whole `Hello` came in time.
    public static let helloTimeout = EndReason(rawValue: 5)
    /// The client speaks a version that this server does not.
    public static let updateNeeded = EndReason(rawValue: 6)
    /// The budget of invalid packets is spent.
    public static let violations = EndReason(rawValue: 7)
    /// Nothing came for three heartbeats.
    public static let silent = EndReason(rawValue: 8)
    /// The client did not read what was sent to it.
    public static let slowReader = EndReason(rawValue: 9)
    /// The server has no room for another session.
    public static let full = EndReason(rawValue: 10)
    /// The accept policy said no.
    public static let refused = EndReason(rawValue: 11)
    /// The same account logged in elsewhere.
    public static let replaced = EndReason(rawValue: 12)
    /// An operator or the game ended the session.
    public static let kicked = EndReason(rawValue: 13)
    /// The server failed this session.
    public static let failed = EndReason(rawValue: 14)
    /// The slow part of a handler did not end in time.
    public static let handlerTimedOut = EndReason(rawValue: 15)
    /// The peer closed or the connection broke; never on the wire.
    public static let disconnected = EndReason(rawValue: 0)
}

extension EndReason: CustomStringConvertible {
    /// The name used in logs, or `reason N`.
    public var description: String {
        let names: [16 of StaticString] = [
            "disconnected", "leaving", "shuttingDown", "malformed", "helloExpected", "helloTimeout", "updateNeeded",
            "violations", "silent", "slowReader", "full", "refused", "replaced", "kicked", "failed",
            "handlerTimedOut",
        ]
        guard Int(rawValue) < names.count else { return "reason \(rawValue)" }
        return "\(names[Int(rawValue)])"
    }
}
