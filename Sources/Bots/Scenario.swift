// SPDX-License-Identifier: Apache-2.0

/// What bots can play. All are accepted by name; `isThere` says which exist.
public enum Scenario: String, CaseIterable, Sendable {
    /// The course's stress test: everybody walks, one move a second.
    case course
    /// Players who walk, fight, talk and trade.
    case mmo
    /// Everybody on one square.
    case hotspot
    /// Everybody logs in at once, again and again.
    case storm
    /// Clients that break every rule.
    case hostile

    /// Whether it can be played yet.
    public var isThere: Bool { self == .course }
}
