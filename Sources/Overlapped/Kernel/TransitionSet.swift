// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    /// What no kernel may do, whatever it runs on; a port would lose bytes or memory by it.
    package enum KernelViolation: String, CaseIterable, Sendable {
        case notArmed = "a completion of an operation that is not armed"
        case saidTwice = "a completion behind the last one of its operation"
        case silentSuccess = "a silent send that completes with all its bytes"
        case foreignBuffer = "a buffer that the kernel was not given"
        case tooMany = "more bytes than were asked for"
        case outsideEnter = "a completion that appears while nobody is in the kernel"
    }

    /// Transitions and violations, counted. What one recorder keeps for itself, and what all have found together.
    package struct TransitionCounts: Sendable {
        /// By the bits of the transition.
        var transitions: [UInt64: UInt64] = [:]
        /// How often, and the first example.
        var violations: [KernelViolation: (count: UInt64, example: String)] = [:]

        mutating func add(_ other: TransitionCounts) {
            transitions.merge(other.transitions, uniquingKeysWith: &+)
            violations.merge(other.violations) { ($0.count &+ $1.count, $0.example) }
        }

        /// A line for each, sorted: count, tab, text. Violations begin with `VIOLATION`.
        package var lines: [String] {
            let texts = transitions.map { bits, count in
                "\(count)\t\(Transition(packed: bits).map { "\($0)" } ?? "transition \(bits)")"
            }
            let broken = violations.map { "\($1.count)\tVIOLATION \($0.rawValue): \($1.example)" }
            return (texts + broken).sorted { text(of: $0) < text(of: $1) }
        }

        private func text(of line: String) -> Substring { line.drop { $0 != "\t" } }

        /// The texts of the transitions.
        package var texts: Set<String> { Set(transitions.keys.compactMap { Transition(packed: $0)?.description }) }

        /// How often each violation was seen.
        package var violationCounts: [KernelViolation: UInt64] { violations.mapValues(\.count) }
    }

    /// Where one recorder puts what it sees: owned by its thread, and told to the others now and then, because threads
    /// may still run when the process ends.
    package final class TransitionSet {
        private var own = TransitionCounts()
        private var known: Set<UInt64> = []
        private var untold = 0
        private let tell: (TransitionCounts) -> Void

        /// A new transition is told at once, counts after so many.
        private static let patience = 4_096

        /// - Parameter tell: takes what has been counted since it was called last.
        package init(tellingTo tell: @escaping (TransitionCounts) -> Void) { self.tell = tell }

        deinit { tellNow() }

        func add(_ transition: Transition) {
            let bits = transition.packed
            own.transitions[bits, default: 0] &+= 1
            untold &+= 1
            let isNew = known.insert(bits).inserted
            if isNew || untold >= Self.patience { tellNow() }
        }

        func add(_ violation: KernelViolation, _ example: @autoclosure () -> String) {
            own.violations[violation, default: (0, example())].count &+= 1
            tellNow()
        }

        func tellNow() {
            guard untold > 0 || !own.violations.isEmpty else { return }
            tell(own)
            own = TransitionCounts()
            untold = 0
        }
    }
#endif
