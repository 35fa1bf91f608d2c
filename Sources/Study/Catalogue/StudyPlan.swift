// SPDX-License-Identifier: Apache-2.0

internal import Overlapped

/// What is measured, in which order, and for how long.
public struct StudyPlan: Sendable {
    /// Two variants that take turns on one workload.
    struct Pairing: Sendable {
        let kind: Comparison.Kind
        let workload: Workload
        let left: Variant
        let right: Variant

        /// Shares of the time that it gets: one that starts processes for each measurement needs more.
        var weight: Double { workload.traffic == .course ? 5 : 1 }
    }

    /// Comparisons that share a span of time.
    struct Stage: Sendable {
        let pairings: [Pairing]
        /// Seconds after which none begins.
        let budgetSeconds: Double

        /// The part of the time by which a comparison and those before it are done.
        func share(upTo place: Int) -> Double {
            let all = pairings.reduce(0) { $0 + $1.weight }
            return pairings.prefix(place + 1).reduce(0) { $0 + $1.weight } / max(all, 1)
        }
    }

    /// What this machine cannot do, and why.
    struct Surroundings: Sendable {
        /// Features of io_uring that are here; nil: io_uring is not.
        var features: UringFeatures?
        /// Why io_uring is not used.
        var refusal = ""
        /// Files that a process may open.
        var descriptors = Int.max
        /// Threads that a process may have.
        var threads = Int.max
    }

    /// How long, how often, how many; written into the results.
    let settings: StudySettings
    /// Ours, and then those with peers.
    let stages: [Stage]
    let omissions: [Omission]

    /// All of them.
    var pairings: [Pairing] { stages.flatMap(\.pairings) }

    /// Decides what to measure.
    init(
        _ settings: StudySettings, workloads: [Workload], peers: PeerList? = nil, in surroundings: Surroundings
    ) {
        self.settings = settings
        var wanted: [Pairing] = []
        let measured = workloads.filter { !settings.isQuick || Self.isQuick($0, settings.names) }
        for workload in Self.firsts(of: measured) {
            let isShort = settings.isQuick || workload.traffic == .course
            let sides = isShort ? [VariantTable.uring] : [VariantTable.uring, VariantTable.epoll]
            for side in sides { wanted.append(Pairing(kind: .same, workload: workload, left: side, right: side)) }
        }
        for workload in measured {
            wanted.append(
                Pairing(kind: .ports, workload: workload, left: VariantTable.uring, right: VariantTable.epoll))
        }
        for variant in VariantTable.all {
            guard let base = variant.base.flatMap(VariantTable.named) else { continue }
            let names = settings.isQuick ? variant.quickWorkloads : variant.workloads
            for workload in measured where names.contains(workload.name) {
                wanted.append(Pairing(kind: .variants, workload: workload, left: base, right: variant))
            }
        }
        let others = peers.map { Self.pairings($0, measured, settings, surroundings) } ?? []
        let sorted = [wanted, others].map { $0.map { ($0, Self.obstacle($0, surroundings)) } }
        let possible = sorted.map { $0.filter { $0.1 == nil }.map(\.0) }
        stages = zip(possible, [settings.budgetSeconds, settings.peerBudgetSeconds ?? 0])
            .map { Stage(pairings: $0, budgetSeconds: $1) }
        omissions =
            sorted.joined().compactMap { pairing, reason in reason.map { Omission(pairing, reason: $0) } }
            + (peers?.skipped ?? []).map {
                Omission(workload: "peers", left: VariantTable.uring.name, right: $0.name, reason: $0.reason)
            }
    }

    /// Each peer beside our default, workload after workload.
    private static func pairings(
        _ list: PeerList, _ workloads: [Workload], _ settings: StudySettings, _ surroundings: Surroundings
    ) -> [Pairing] {
        let own = surroundings.features == nil ? VariantTable.epoll : VariantTable.uring
        let names = settings.isQuick ? WorkloadTable.quickPeers + settings.names : WorkloadTable.peers
        return workloads.filter { WorkloadTable.peers.contains($0.name) && names.contains($0.name) }.flatMap {
            workload in
            list.peers.map { Pairing(kind: .peers, workload: workload, left: own, right: Variant($0)) }
        }
    }

    /// What the short run measures: its own, what is asked for by name, and families of which it has none by theirs.
    private static func isQuick(_ workload: Workload, _ names: [String]) -> Bool {
        if WorkloadTable.quick.contains(workload.name) || names.contains(workload.name) { return true }
        let isLeftOut = !WorkloadTable.all.contains {
            $0.family == workload.family && WorkloadTable.quick.contains($0.name)
        }
        return isLeftOut && names.contains(workload.family)
    }

    /// The first of each family, but not those in which two connections decide; only they where there is nothing else.
    private static func firsts(of workloads: [Workload]) -> [Workload] {
        WorkloadTable.families.compactMap { family in
            let members = workloads.filter { $0.family == family }
            return members.first { $0.connections >= 16 } ?? members.first
        }
    }

    /// Why a pairing cannot be measured here; nil: it can.
    private static func obstacle(_ pairing: Pairing, _ surroundings: Surroundings) -> String? {
        let needed = pairing.workload.connections + 100
        if needed > surroundings.descriptors {
            return "needs \(needed) open files, and the limit is \(surroundings.descriptors): ulimit -Hn \(needed)"
        }
        if pairing.right.hasThreadPerConnection, needed > surroundings.threads {
            return "needs \(needed) threads, and the limit is \(surroundings.threads)"
        }
        guard pairing.left.usesUring || pairing.right.usesUring else { return nil }
        guard let features = surroundings.features else { return "no io_uring here: \(surroundings.refusal)" }
        let missing = pairing.right.needs.subtracting(features)
        return missing.isEmpty ? nil : "this kernel has no \(missing): the variant is its base"
    }
}

/// What a run is told, or takes as its default; part of the results.
public struct StudySettings: Codable, Sendable, Equatable {
    /// The short run.
    public var isQuick: Bool
    /// Workloads and families that were asked for; empty: all.
    public var names: [String]
    /// Rotations of each comparison; in each both sides are measured once.
    public var rotations: Int
    /// Milliseconds that are measured.
    public var sliceMilliseconds: Int
    /// Milliseconds of load before that.
    public var warmUpMilliseconds: Int
    /// How often the servers of a comparison are started anew: two of the same kind differ by where their memory lies.
    public var starts: Int
    /// Seconds after which no further comparison begins.
    public var budgetSeconds: Double
    /// The same for the comparisons with peers, which come afterwards; nil: there are none.
    public var peerBudgetSeconds: Double?

    /// The settings of the short or the full run.
    ///
    /// - Parameter withPeers: whether servers of others are compared, too.
    public init(isQuick: Bool, names: [String], withPeers: Bool = false) {
        self.isQuick = isQuick
        self.names = names
        rotations = isQuick ? 12 : 48
        sliceMilliseconds = isQuick ? 100 : 150
        warmUpMilliseconds = isQuick ? 40 : 50
        starts = isQuick ? 1 : 3
        budgetSeconds = isQuick ? 165 : 1_740
        peerBudgetSeconds = withPeers ? (isQuick ? 180 : 900) : nil
    }

    /// The same for a comparison with a peer, of which there are a hundred: factors are looked for.
    func adaptedToPeers() -> StudySettings {
        var adapted = self
        adapted.rotations = min(rotations, 2 * Estimate.leastRotations)
        adapted.starts = 1
        return adapted
    }

    /// The same for a workload that cannot be measured in the usual slices: 99.9 % of a few hundred delays mean
    /// nothing, and players first have to come.
    func adapted(to workload: Workload) -> StudySettings {
        var adapted = self
        switch workload.traffic {
        case .echo, .packet, .broadcast, .churn, .stream, .slow: break
        case .open:
            adapted.rotations = min(rotations, max(Estimate.leastRotations, rotations / 4))
            adapted.sliceMilliseconds *= 4
        case .course:
            // Bots play for whole seconds.
            let seconds = max(1, (sliceMilliseconds * 20 + 999) / 1_000)
            adapted.rotations = min(rotations, Estimate.leastRotations)
            adapted.starts = adapted.rotations
            adapted.sliceMilliseconds = seconds * 1_000
        }
        return adapted
    }
}
