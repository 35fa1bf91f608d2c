// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing

@testable import Study

/// The tables of variants and workloads, and what is made of them.
@Suite("Plan")
struct PlanTests {
    private let here = StudyPlan.Surroundings(features: .all)

    private func plan(
        _ names: [String] = [], quick: Bool = false, in surroundings: StudyPlan.Surroundings? = nil
    ) throws -> StudyPlan {
        let workloads = try #require(WorkloadTable.chosen(by: names))
        return StudyPlan(StudySettings(isQuick: quick, names: names), workloads: workloads, in: surroundings ?? here)
    }

    @Test("Every variant has a name of its own, a base that is there, and workloads that are") func variants() {
        let names = VariantTable.all.map(\.name)
        #expect(Set(names).count == names.count)
        let workloads = Set(WorkloadTable.all.map(\.name))
        for variant in VariantTable.all {
            #expect(variant.base == nil || names.contains(variant.base ?? ""), "\(variant.name)")
            #expect(workloads.isSuperset(of: variant.workloads), "\(variant.name)")
            #expect(Set(variant.workloads).isSuperset(of: variant.quickWorkloads), "\(variant.name)")
            #expect(variant.base == nil || !variant.workloads.isEmpty, "\(variant.name)")
        }
    }

    @Test("Every feature but one has a variant without it, or with it") func features() {
        let covered = VariantTable.all.reduce(UringFeatures()) { $0.union($1.needs) }
        // Doorbells between workers: a server of one worker rings none.
        #expect(UringFeatures.all.subtracting(covered) == .messageRing)
    }

    @Test("Techniques of a variant are known to its port") func techniques() throws {
        var covered: PortTechniques = []
        for variant in VariantTable.techniques {
            let list = try #require(variant.arguments.last)
            let techniques = try #require(PortTechniques(names: list))
            let engine: PortEngine = variant.usesUring ? .uring : .epoll
            #expect(PortTechniques.known(to: engine).isSuperset(of: techniques), "\(variant.name)")
            covered.formUnion(techniques)
        }
        #expect(
            covered.isSuperset(of: [
                .oneShotReceive, .eagerTaskRun, .submissionPolling, .fixedWait, .levelTriggered, .sendPerPacket,
            ]))
    }

    @Test func workloads() {
        let names = WorkloadTable.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(WorkloadTable.quick.isSubset(of: names))
        #expect(Set(WorkloadTable.all.map(\.family)) == Set(WorkloadTable.families))
        for workload in WorkloadTable.all {
            #expect(workload.active <= workload.connections && workload.active > 0, "\(workload.name)")
            if workload.traffic == .broadcast { #expect(workload.connections % workload.group == 0) }
        }
        // 3 sizes × 4 counts × 2 depths without the one that needs 1.3 GB.
        #expect(WorkloadTable.all.count { $0.family == "echo" } == 23)
    }

    @Test func choice() {
        #expect(WorkloadTable.chosen(by: [])?.count == WorkloadTable.all.count)
        #expect(WorkloadTable.chosen(by: ["churn"])?.map(\.name) == ["churn-c16"])
        #expect(WorkloadTable.chosen(by: ["packet-c50-d1", "idle"])?.map(\.name) == ["packet-c50-d1", "idle-c10000"])
        #expect(WorkloadTable.chosen(by: ["echo", "nonsense"]) == nil)
    }

    @Test("Each run measures something against itself, and the two defaults everywhere", arguments: [true, false])
    func pairings(quick: Bool) throws {
        let plan = try plan(quick: quick)
        #expect(plan.omissions.isEmpty)
        let same = plan.pairings.filter { $0.kind == .same }
        #expect(Set(same.map(\.workload.family)) == Set(WorkloadTable.families))
        #expect(same.allSatisfy { $0.left.name == $0.right.name })
        #expect(plan.pairings.first?.kind == .same)
        let ports = plan.pairings.filter { $0.kind == .ports }
        #expect(ports.count == (quick ? WorkloadTable.quick.count : WorkloadTable.all.count))
        #expect(ports.allSatisfy { $0.left.name == "io_uring" && $0.right.name == "epoll" })
        #expect(plan.pairings.contains { $0.kind == .variants })
        // Five thousand connections are for the two defaults only.
        #expect(
            plan.pairings.allSatisfy {
                $0.kind == .ports || $0.workload.connections < 5_000 || $0.workload.family == "idle"
            })
    }

    @Test("What is asked for by its name is measured in the short run too") func named() throws {
        let plan = try plan(["echo-1k-c50-d16"], quick: true)
        #expect(plan.pairings.map(\.workload.name).allSatisfy { $0 == "echo-1k-c50-d16" })
        #expect(plan.pairings.map(\.kind) == [.same, .ports])
    }

    @Test func withoutUring() throws {
        let surroundings = StudyPlan.Surroundings(features: nil, refusal: "seccomp")
        let plan = try plan(["churn"], in: surroundings)
        #expect(plan.pairings.map(\.kind) == [.same])
        #expect(plan.pairings.first?.left.name == "epoll")
        #expect(plan.omissions.count == 2)
        #expect(plan.omissions.allSatisfy { $0.reason.contains("seccomp") })
    }

    @Test("Without a feature a variant is its base, and is left out with that reason") func missingFeature() throws {
        let surroundings = StudyPlan.Surroundings(features: .all.subtracting(.incrementalBuffers))
        let plan = try plan(["echo-16k-c50-d1"], in: surroundings)
        #expect(plan.omissions.map(\.right) == ["no-incremental-buffers"])
        #expect(plan.omissions.first?.reason.contains("incremental-buffers") == true)
        #expect(!plan.pairings.contains { $0.right.name == "no-incremental-buffers" })
    }

    @Test func tooFewDescriptors() throws {
        let surroundings = StudyPlan.Surroundings(features: .all, descriptors: 1_024)
        let plan = try plan(in: surroundings)
        #expect(plan.pairings.allSatisfy { $0.workload.connections + 100 <= 1_024 })
        #expect(plan.omissions.contains { $0.workload == "idle-c10000" && $0.reason.contains("ulimit -Hn 10100") })
    }
}
