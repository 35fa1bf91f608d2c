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
    private let peers: PeerList?
    private let network: RunNetwork
    private let cores = Cores.pick()

    /// - Parameters:
    ///   - version: the program's.
    ///   - workloads: what to measure, of `WorkloadTable`.
    ///   - network: that of this process.
    ///   - peers: servers of others; nil: none.
    public init(
        _ settings: StudySettings, version: String, workloads: [Workload], network: RunNetwork, peers: PeerList? = nil
    ) {
        self.settings = settings
        self.version = version
        self.workloads = workloads
        self.network = network
        self.peers = peers
    }

    /// Measures, until all is done, the time is over, or a signal comes. Called on the main thread, once in a process.
    public func run(_ onProgress: @escaping (Progress) -> Void) -> Results {
        Interruption.listen()
        // Nothing but the table decides what a variant is.
        for name in ProcessInfo.processInfo.environment.keys where name.hasPrefix("GORI_") { unsetenv(name) }
        let began = Clock.now()
        let probe = MachineProbe(cores, network)
        var results = Results(
            gori: version, revision: MachineProbe.revision(), build: MachineProbe.build, began: probe.time,
            settings: settings, machine: probe.machine())
        let plan = StudyPlan(settings, workloads: workloads, peers: peers, in: Self.surroundings())
        results.omissions = plan.omissions
        results.peers = peers?.peers
        do {
            var number = 0
            for stage in plan.stages {
                let span = Span(stage, before: number, of: plan)
                for (place, pairing) in stage.pairings.enumerated() {
                    try Interruption.check()
                    try measure(pairing, place, span, into: &results, onProgress)
                }
                number += stage.pairings.count
            }
        } catch {
            results.wasInterrupted = true
        }
        results.seconds = Double(Clock.now() - began) / 1e9
        results.machine = probe.machine()
        return results
    }

    /// A stage that is being measured.
    private struct Span {
        let stage: StudyPlan.Stage
        /// Comparisons of stages before, and of all.
        let before: Int
        let count: Int
        let began = Clock.now()

        init(_ stage: StudyPlan.Stage, before: Int, of plan: StudyPlan) {
            self.stage = stage
            self.before = before
            count = plan.pairings.count
        }

        var elapsed: Double { Double(Clock.now() - began) / 1e9 }
    }

    private func measure(
        _ pairing: StudyPlan.Pairing, _ place: Int, _ span: Span, into results: inout Results,
        _ onProgress: @escaping (Progress) -> Void
    ) throws(StudyError) {
        let budget = span.stage.budgetSeconds
        guard span.elapsed < budget else {
            return results.omissions.append(Omission(pairing, reason: "the time was over"))
        }
        var comparison = Comparison(
            kind: pairing.kind, workload: pairing.workload, left: pairing.left.name, right: pairing.right.name)
        // What is measured has its share of the time, and what others left of theirs.
        let deadline = span.began + UInt64(budget * span.stage.share(upTo: place) * 1e9)
        let adapted = pairing.kind == .peers ? settings.adaptedToPeers() : settings.adapted(to: pairing.workload)
        let title = "\(pairing.workload.label.english): \(pairing.left.name) / \(pairing.right.name)"
        let run = ComparisonRun(pairing: pairing, settings: adapted, cores: cores, deadline: deadline) { rotation in
            let done = Double(place) + Double(rotation) / Double(adapted.rotations)
            onProgress(
                Progress(
                    number: span.before + place + 1, count: span.count, title: title, rotation: rotation + 1,
                    rotations: adapted.rotations, secondsLeft: secondsLeft(span, done: done)))
        }
        defer { if !comparison.slices.isEmpty || comparison.failure != nil { results.comparisons.append(comparison) } }
        try run.measure(into: &comparison)
    }

    /// By what has passed of the stage, as soon as that says something; by the slices' lengths before, and for stages
    /// that follow.
    private func secondsLeft(_ span: Span, done: Double) -> Double {
        let slice = Double(settings.sliceMilliseconds + settings.warmUpMilliseconds) / 1_000
        // A second for each start, connections included.
        let each = 2 * slice * Double(settings.rotations) + Double(settings.starts)
        let count = Double(span.stage.pairings.count)
        let measured = done < 0.5 ? each * (count - done) : span.elapsed / done * (count - done)
        let later = each * (Double(span.count - span.before) - count)
        return min(measured, max(0, span.stage.budgetSeconds - span.elapsed)) + later
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
