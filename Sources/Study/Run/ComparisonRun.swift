// SPDX-License-Identifier: Apache-2.0

/// Measures one pairing: both servers up, slices in turn, until there are enough or its time is over.
struct ComparisonRun {
    let pairing: StudyPlan.Pairing
    let settings: StudySettings
    let cores: Cores
    /// When no further rotation begins, by `Clock`.
    let deadline: UInt64
    /// Called before each rotation with its number.
    let onRotation: (Int) -> Void

    /// Rotations that are made whatever the time, of each start: fewer together would say nothing.
    private var fewest: Int { (Estimate.leastRotations + settings.starts - 1) / settings.starts }

    /// - Throws: `.interrupted` only; what was measured until then is in `comparison`.
    func measure(into comparison: inout Comparison) throws(StudyError) {
        do {
            guard pairing.workload.traffic != .course else { return try measureWorld(into: &comparison) }
            for start in 0..<settings.starts { try measure(start, into: &comparison) }
        } catch .failed(let cause) {
            comparison.failure = cause
        }
    }

    /// One pair of processes and its share of the rotations.
    private func measure(_ start: Int, into comparison: inout Comparison) throws(StudyError) {
        // Who was started first changes too.
        let order: [(Variant, Slice.Side)] =
            start % 2 == 0
            ? [(pairing.left, .left), (pairing.right, .right)] : [(pairing.right, .right), (pairing.left, .left)]
        var contenders: [Contender] = []
        defer { for contender in contenders { contender.stop() } }
        for (variant, side) in order {
            contenders.append(try Contender(variant, pairing.workload, side, cores))
        }
        for contender in contenders { try contender.settle(settings, start: start) }
        let from = settings.rotations * start / settings.starts
        let upTo = settings.rotations * (start + 1) / settings.starts
        var made = 0
        for rotation in from..<upTo {
            guard made < fewest || Clock.now() < deadline(of: start) else { break }
            onRotation(rotation)
            let turns = rotation % 2 == 0 ? contenders : contenders.reversed()
            // Both or none: a ratio needs two.
            var pair: [Slice] = []
            for contender in turns {
                pair.append(try contender.slice(settings, start: start, rotation: rotation))
            }
            comparison.slices += pair
            made += 1
        }
        for contender in contenders {
            if contender.side == .left {
                comparison.leftFacts = contender.facts()
            } else {
                comparison.rightFacts = contender.facts()
            }
        }
    }

    /// The world: each side by itself, with a server of its own each time.
    private func measureWorld(into comparison: inout Comparison) throws(StudyError) {
        let run = CourseRun(workload: pairing.workload, settings: settings, cores: cores)
        for rotation in 0..<settings.rotations {
            guard rotation < Estimate.leastRotations || Clock.now() < deadline else { break }
            onRotation(rotation)
            let sides: [(Variant, Slice.Side)] = [(pairing.left, .left), (pairing.right, .right)]
            var pair: [Slice] = []
            for (variant, side) in rotation % 2 == 0 ? sides : sides.reversed() {
                let (slice, facts) = try run.slice(variant, side, rotation: rotation)
                pair.append(slice)
                if side == .left { comparison.leftFacts = facts } else { comparison.rightFacts = facts }
            }
            comparison.slices += pair
        }
    }

    /// Each start has its share of the time.
    private func deadline(of start: Int) -> UInt64 {
        let left = deadline > began ? deadline - began : 0
        return began + left * UInt64(start + 1) / UInt64(settings.starts)
    }

    /// When it was made, by `Clock`.
    let began = Clock.now()
}
