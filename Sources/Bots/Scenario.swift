// SPDX-License-Identifier: Apache-2.0

/// What bots can play. All are accepted by name; `isThere` says which exist.
public enum Scenario: String, CaseIterable, Sendable {
    /// The course's stress test: everybody walks, one move a second.
    case course
    /// Players who walk, fight, talk and trade.
    case mmo
    /// Everybody in one view: they gather in the middle of the map and walk there.
    case hotspot
    /// A wave of logins into a world where others walk already.
    case storm
    /// Clients that break every rule.
    case hostile

    /// Whether it can be played yet.
    public var isThere: Bool {
        switch self {
        case .course, .hotspot, .storm: true
        case .mmo, .hostile: false
        }
    }
}
