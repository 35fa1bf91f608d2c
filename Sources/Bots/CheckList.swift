// SPDX-License-Identifier: Apache-2.0

/// How often each check was made, how often it failed, and the first failure in words.
public struct CheckList: Sendable {
    /// The outcome of one check.
    public struct Outcome: Sendable {
        /// How often it was made.
        public internal(set) var count: UInt64 = 0
        /// How often it failed.
        public internal(set) var failures: UInt64 = 0
        /// The first failure: which bot, which packet, what was wrong.
        public internal(set) var first = ""

        /// Whether it never failed.
        public var isOK: Bool { failures == 0 }

        /// The same in a line.
        public var detail: String {
            isOK ? "\(count) checked" : "\(failures) of \(count) failed; the first: \(first)"
        }
    }

    private var outcomes: [Outcome]

    /// Nothing checked yet.
    public init() { outcomes = Array(repeating: Outcome(), count: Check.allCases.count) }

    /// The outcome of a check.
    public subscript(_ check: Check) -> Outcome { outcomes[Self.index(check)] }

    /// Those that failed, in the order of the cases.
    public var failed: [Check] { Check.allCases.filter { !self[$0].isOK } }

    /// Records one check. What was wrong is put into words only for the first failure.
    @inline(__always)
    mutating func expect(
        _ check: Check, _ isOK: Bool, bot: Int, packet: StaticString, _ problem: @autoclosure () -> String
    ) {
        let index = Self.index(check)
        outcomes[index].count &+= 1
        if isOK { return }
        outcomes[index].failures &+= 1
        if outcomes[index].failures == 1 { outcomes[index].first = "bot \(bot), \(packet): \(problem())" }
    }

    /// Says how often a check was made that only its failures tell of.
    mutating func setCount(_ check: Check, _ count: UInt64) {
        let index = Self.index(check)
        outcomes[index].count = max(count, outcomes[index].failures)
    }

    /// Records a failure.
    mutating func fail(_ check: Check, bot: Int, packet: StaticString, _ problem: @autoclosure () -> String) {
        expect(check, false, bot: bot, packet: packet, problem())
    }

    @inline(__always)
    private static func index(_ check: Check) -> Int {
        switch check {
        case .allConnect: 0
        case .sessionsOpen: 1
        case .enterWorldSane: 2
        case .movesAnswered: 3
        case .movesAccepted: 4
        case .movePositions: 5
        case .objectsAddedOnce: 6
        case .objectsRemovedOnce: 7
        case .moversKnown: 8
        case .speakersKnown: 9
        case .oneTileSteps: 10
        case .positionsOnMap: 11
        case .packetTypes: 12
        case .packetForm: 13
        case .packetState: 14
        case .logoutAnswered: 15
        case .sessionsLast: 16
        }
    }
}
