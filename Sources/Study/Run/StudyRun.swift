// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Overlapped

/// A whole run: every comparison of the plan, one after the other.
public struct StudyRun {
    /// How far a run is.
    public struct Progress: Sendable {
        /// The comparison, from 1.
        public let number: Int
        /// Comparisons in all.
        public let count: Int
        /// What is compared.
        public let title: String
        /// The rotation, from 1, and how many there are.
        public let rotation: Int
        /// Rotations of the comparison.
        public let rotations: Int
        /// Seconds left, roughly.
        public let secondsLeft: Double

        /// One line, for a terminal.
        public var line: String {
            let left = Int(secondsLeft.rounded(.up))
            let time = left >= 90 ? "\((left + 30) / 60) min" : "\(left) s"
            return "[\(number)/\(count)] \(title), rotation \(rotation)/\(rotations), \(time) left"
        }
    }

    private let settings: StudySettings
    private let version: String
    private let workloads: [Workload]
    private let cores = Cores.pick()

    /// - Parameters:
    ///   - version: the program's.
    ///   - workloads: what to measure, of `WorkloadTable`.
    public init(_ settings: StudySettings, version: String, workloads: [Workload]) {
        self.settings = settings
        self.version = version
        self.workloads = workloads
    }

    /// Measures, until all is done, the time is over, or a signal comes. Called on the main thread, once in a process.
    public func run(_ onProgress: @escaping (Progress) -> Void) -> Results {
        Interruption.listen()
        // Nothing but the table decides what a variant is.
        for name in ProcessInfo.processInfo.environment.keys where name.hasPrefix("GORI_") { unsetenv(name) }
        let began = Clock.now()
        let probe = MachineProbe(cores)
        var results = Results(
            gori: version, revision: MachineProbe.revision(), build: MachineProbe.build, began: probe.time,
            settings: settings, machine: probe.machine())
        let plan = StudyPlan(settings, workloads: workloads, in: Self.surroundings())
        results.omissions = plan.omissions
        do {
            for (place, pairing) in plan.pairings.enumerated() {
                try Interruption.check()
                try measure(pairing, place, plan, began, into: &results, onProgress)
            }
        } catch {
            results.wasInterrupted = true
        }
        results.seconds = Double(Clock.now() - began) / 1e9
        results.machine = probe.machine()
        return results
    }

    private func measure(
        _ pairing: StudyPlan.Pairing, _ place: Int, _ plan: StudyPlan, _ began: UInt64, into results: inout Results,
        _ onProgress: @escaping (Progress) -> Void
    ) throws(StudyError) {
        let count = plan.pairings.count
        let elapsed = Double(Clock.now() - began) / 1e9
        guard elapsed < settings.budgetSeconds else {
            return results.omissions.append(Omission(pairing, reason: "the time was over"))
        }
        var comparison = Comparison(
            kind: pairing.kind, workload: pairing.workload, left: pairing.left.name, right: pairing.right.name)
        // What is measured has its share of the time, and what others left of theirs.
        let share = settings.budgetSeconds * Double(place + 1) / Double(count)
        let title = "\(pairing.workload.label.english): \(pairing.left.name) / \(pairing.right.name)"
        var shown = 0
        let run = ComparisonRun(
            pairing: pairing, settings: settings, cores: cores, deadline: began + UInt64(share * 1e9)
        ) { rotation in
            let now = Double(Clock.now() - began) / 1e9
            let left = Self.secondsLeft(
                now, done: Double(place) + Double(rotation) / Double(settings.rotations), of: count, plan)
            shown = rotation + 1
            onProgress(
                Progress(
                    number: place + 1, count: count, title: title, rotation: shown, rotations: settings.rotations,
                    secondsLeft: left))
        }
        defer { if !comparison.slices.isEmpty || comparison.failure != nil { results.comparisons.append(comparison) } }
        try run.measure(into: &comparison)
    }

    /// By what has passed, as soon as that says something; by the slices' lengths before.
    private static func secondsLeft(_ elapsed: Double, done: Double, of count: Int, _ plan: StudyPlan) -> Double {
        let settings = plan.settings
        let slice = Double(settings.sliceMilliseconds + settings.warmUpMilliseconds) / 1_000
        // A second for each start, connections included.
        let each = 2 * slice * Double(settings.rotations) + Double(settings.starts)
        let planned = each * (Double(count) - done)
        let measured = done < 0.5 ? planned : elapsed / done * (Double(count) - done)
        return min(measured, max(0, settings.budgetSeconds - elapsed))
    }

    private static func surroundings() -> StudyPlan.Surroundings {
        var here = StudyPlan.Surroundings(features: nil)
        here.descriptors = Sockets.raiseDescriptorLimit()
        here.threads = ProcessFacts.threadLimit()
        do {
            here.features = try PortSelection.select(.uring).features
        } catch {
            here.refusal = "\(error)"
        }
        return here
    }
}
