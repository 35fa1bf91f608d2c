// SPDX-License-Identifier: Apache-2.0

/// How far a welcomed session has come, as the game counts it. A route is legal in some stages and a violation in the
/// others, so that a handler never sees a packet out of place.
public struct SessionStage: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// 0 to 7.
    public let rawValue: UInt8

    /// Makes a stage of its number.
    ///
    /// - Precondition: 0 to 7.
    public init(rawValue: UInt8) {
        precondition(rawValue < 8, "there are 8 stages")
        self.rawValue = rawValue
    }

    /// Where every session starts.
    public static let lobby = SessionStage(rawValue: 0)
    /// Playing.
    public static let inWorld = SessionStage(rawValue: 1)

    @usableFromInline var mask: UInt8 { 1 << rawValue }
}
