// SPDX-License-Identifier: Apache-2.0

/// How often each check was made, how often it failed, and the first failure in words.
public struct CheckList: Sendable {
    /// The outcome of one check.
    public struct Outcome: Sendable {
        /// How often it was made.
        public let count: UInt64
        /// How often it failed.
        public let failures: UInt64
        /// The first failure: which bot, which packet, what was wrong.
        public let first: String

        /// Whether it never failed.
        public var isOK: Bool { failures == 0 }

        /// The same in a line.
        public var detail: String {
            isOK ? "\(count) checked" : "\(failures) of \(count) failed; the first: \(first)"
        }
    }

    private static let places = 20
    // In place, because several are counted for every packet.
    private var counts = InlineArray<20, UInt64>(repeating: 0)
    private var failures = InlineArray<20, UInt64>(repeating: 0)
    private var firsts = [String](repeating: "", count: CheckList.places)

    /// Nothing checked yet.
    public init() {}

    /// The outcome of a check.
    public subscript(_ check: Check) -> Outcome {
        let place = Self.place(check)
        return Outcome(count: counts[place], failures: failures[place], first: firsts[place])
    }

    /// Those that failed, in the order of the cases.
    public var failed: [Check] { Check.allCases.filter { !self[$0].isOK } }

    /// Records one check. What was wrong is put into words only for the first failure.
    @inline(__always)
    mutating func expect(
        _ check: Check, _ isOK: Bool, bot: Int, packet: StaticString, _ problem: @autoclosure () -> String
    ) {
        let place = Self.place(check)
        counts[place] &+= 1
        if isOK { return }
        failures[place] &+= 1
        if failures[place] == 1 { firsts[place] = "bot \(bot), \(packet): \(problem())" }
    }

    /// Records a failure.
    mutating func fail(_ check: Check, bot: Int, packet: StaticString, _ problem: @autoclosure () -> String) {
        expect(check, false, bot: bot, packet: packet, problem())
    }

    /// Says how often a check was made that only its failures tell of.
    mutating func setCount(_ check: Check, _ count: UInt64) {
        let place = Self.place(check)
        counts[place] = max(count, failures[place])
    }

    @inline(__always)
    private static func place(_ check: Check) -> Int {
        switch check {
        case .allConnect: 0
        case .sessionsOpen: 1
        case .sessionsLast: 2
        case .enterWorldSane: 3
        case .movesAnswered: 4
        case .movesAccepted: 5
        case .movePositions: 6
        case .objectsAddedOnce: 7
        case .objectsRemovedOnce: 8
        case .moversKnown: 9
        case .speakersKnown: 10
        case .oneTileSteps: 11
        case .positionsOnMap: 12
        case .packetTypes: 13
        case .packetForm: 14
        case .packetState: 15
        case .logoutAnswered: 16
        case .everybodyGathers: 17
        case .othersKnown: 18
        case .settledUndisturbed: 19
        }
    }
}
