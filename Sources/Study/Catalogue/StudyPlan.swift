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
    let pairings: [Pairing]
    let omissions: [Omission]

    /// Decides what to measure.
    init(_ settings: StudySettings, workloads: [Workload], in surroundings: Surroundings) {
        self.settings = settings
        var wanted: [Pairing] = []
        let measured = workloads.filter {
            !settings.isQuick || WorkloadTable.quick.contains($0.name) || settings.names.contains($0.name)
        }
        for workload in Self.firsts(of: measured) {
            let sides = settings.isQuick ? [VariantTable.uring] : [VariantTable.uring, VariantTable.epoll]
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
        let sorted = wanted.map { ($0, Self.obstacle($0, surroundings)) }
        pairings = sorted.filter { $0.1 == nil }.map(\.0)
        omissions = sorted.compactMap { pairing, reason in reason.map { Omission(pairing, reason: $0) } }
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

    /// The settings of the short or the full run.
    public init(isQuick: Bool, names: [String]) {
        self.isQuick = isQuick
        self.names = names
        rotations = isQuick ? 12 : 48
        sliceMilliseconds = isQuick ? 100 : 150
        warmUpMilliseconds = isQuick ? 40 : 50
        starts = isQuick ? 1 : 3
        budgetSeconds = isQuick ? 165 : 1_740
    }
}
