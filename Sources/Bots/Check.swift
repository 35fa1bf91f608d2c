// SPDX-License-Identifier: Apache-2.0

/// What the bots check in everything that they receive; the raw value is the name in reports. Causes stand before what
/// follows from them, so the first that failed is the one to look at.
public enum Check: String, CaseIterable, Sendable {
    /// Every connection came about.
    case allConnect = "all connect"
    /// Hello, login and selection were each answered as they should, in time.
    case sessionsOpen = "sessions open"
    /// No session ends before its bot wants it to.
    case sessionsLast = "sessions last"
    /// The map has room, the position is on it, and no two bots have the same object.
    case enterWorldSane = "enterWorld sane"
    /// Everybody who is to gather gets there.
    case everybodyGathers = "everybody gathers"
    /// Every move is answered exactly once, in order, with its own sequence and time.
    case movesAnswered = "moves answered"
    /// No move is refused.
    case movesAccepted = "moves accepted"
    /// An accepted move ends on its tile, a refused one where the player stood.
    case movePositions = "move positions"
    /// An object is added only while it is unknown.
    case objectsAddedOnce = "objects added once"
    /// An object is removed only while it is known.
    case objectsRemovedOnce = "objects removed once"
    /// Only known objects move.
    case moversKnown = "movers known"
    /// Only known objects speak.
    case speakersKnown = "speakers known"
    /// A known object moves by one tile at most.
    case oneTileSteps = "one-tile steps"
    /// Every position is on the map.
    case positionsOnMap = "positions on the map"
    /// Every packet's type is one that a server sends.
    case packetTypes = "packet types"
    /// Every packet decodes, and no size is impossible.
    case packetForm = "packet form"
    /// Every packet fits the state of its session.
    case packetState = "packet state"
    /// Logout is answered.
    case logoutAnswered = "logout answered"
    /// When nobody moves any more, everybody knows all who stand in view, each where he stands, and nobody who left.
    case othersKnown = "others in view known"
    /// Players who were there before a wave of logins wait at most twice as long during it.
    case settledUndisturbed = "settled undisturbed"

    /// The checks of a scenario, in the order of the cases.
    public static func all(of scenario: Scenario) -> [Check] {
        allCases.filter { check in
            switch check {
            case .everybodyGathers, .othersKnown: scenario == .hotspot
            case .settledUndisturbed: scenario == .storm
            default: true
            }
        }
    }
}
