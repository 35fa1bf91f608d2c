// SPDX-License-Identifier: Apache-2.0

import Foundation
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
        let measured = WorkloadTable.all.filter { !quick || WorkloadTable.quick.contains($0.name) }
        #expect(Set(same.map(\.workload.family)) == Set(measured.map(\.family)))
        #expect(same.allSatisfy { $0.left.name == $0.right.name })
        #expect(plan.pairings.first?.kind == .same)
        let ports = plan.pairings.filter { $0.kind == .ports }
        #expect(ports.count == (quick ? WorkloadTable.quick.count : WorkloadTable.all.count))
        #expect(ports.allSatisfy { $0.left.name == "io_uring" && $0.right.name == "epoll" })
        #expect(plan.pairings.contains { $0.kind == .variants })
        // Five thousand connections are for the two defaults, and for what they are to be compared with.
        #expect(
            plan.pairings.allSatisfy {
                $0.kind == .ports || $0.workload.connections < 5_000 || $0.workload.family == "idle"
                    || $0.right.hasThreadPerConnection
            })
    }

    @Test("What is asked for by its name is measured in the short run too") func named() throws {
        let plan = try plan(["echo-1k-c50-d16"], quick: true)
        #expect(plan.pairings.map(\.workload.name).allSatisfy { $0 == "echo-1k-c50-d16" })
        #expect(plan.pairings.map(\.kind) == [.same, .ports])
    }

    @Test("What the usual slices cannot show has longer ones, and fewer") func adapted() throws {
        func settings(_ name: String, quick: Bool) throws -> StudySettings {
            let workload = try #require(WorkloadTable.chosen(by: [name])?.first)
            return StudySettings(isQuick: quick, names: []).adapted(to: workload)
        }
        let usual = StudySettings(isQuick: false, names: [])
        #expect(try settings("echo-64-c50-d1", quick: false) == usual)
        #expect(try settings("stream-c2", quick: false) == usual)
        let open = try settings("open-5k", quick: false)
        #expect(open.rotations == 12 && open.sliceMilliseconds == 600 && open.starts == 3)
        #expect(try settings("open-20k", quick: true).rotations == Estimate.leastRotations)
        let world = try settings("course-c1000", quick: false)
        #expect(world.rotations == 8 && world.sliceMilliseconds == 3_000 && world.starts == 8)
        var short = StudySettings(isQuick: true, names: [])
        (short.rotations, short.sliceMilliseconds) = (2, 20)
        let course = try #require(WorkloadTable.chosen(by: ["course"])?.first)
        #expect(short.adapted(to: course).rotations == 2 && short.adapted(to: course).sliceMilliseconds == 1_000)
    }

    @Test("Each comparison has a share of the time, the world five times that of others, and all of it is given away")
    func shares() throws {
        let plan = try plan()
        #expect(abs(plan.stages[0].share(upTo: plan.stages[0].pairings.count - 1) - 1) < 1e-9)
        let world = try #require(plan.pairings.firstIndex { $0.workload.traffic == .course })
        let before = plan.stages[0].share(upTo: world - 1)
        #expect(
            abs((plan.stages[0].share(upTo: world) - before) / (before - plan.stages[0].share(upTo: world - 2)) - 5)
                < 1e-6)
        // What is measured whatever the time, and two seconds for each start of both sides: it fits.
        let least = plan.pairings.reduce(0.0) { sum, pairing in
            let settings = plan.settings.adapted(to: pairing.workload)
            let slices = Double(min(settings.rotations, Estimate.leastRotations + 1) * 2)
            let slice = Double(settings.sliceMilliseconds + settings.warmUpMilliseconds) / 1_000
            return sum + slices * slice + Double(settings.starts) * 2
        }
        #expect(least < plan.stages[0].budgetSeconds)
    }

    @Test("Of a family that the short run leaves out, all is measured when it is asked for") func quickFamilies() throws
    {
        #expect(try plan(["slow"], quick: true).pairings.map(\.workload.name) == ["slow-c50", "slow-c50"])
        #expect(Set(try plan(["stream"], quick: true).pairings.map(\.workload.name)) == ["stream-c2"])
        let new = Set(
            try plan(quick: true).pairings.map(\.workload)
                .filter { [.stream, .slow, .open, .course].contains($0.traffic) }.map(\.name))
        #expect(new == ["stream-c2", "open-20k"])
    }

    private func peers(_ names: [(String, Bool)]) -> PeerList? {
        let all = names.map { name, needsUring in
            "{\"name\":\"\(name)\",\"version\":\"1\",\"command\":[\"/bin/\(name)\",\"{mode}\",\"{group}\"],"
                + "\"settleSeconds\":0.05,\"needsUring\":\(needsUring)}"
        }
        let text =
            "{\"schema\":\"gori-peers-1\",\"peers\":[\(all.joined(separator: ","))],"
            + "\"skipped\":[{\"name\":\"go\",\"reason\":\"no go here\"}]}"
        return try? PeerList(Data(text.utf8))
    }

    @Test("Peers come after ours, in a time of their own, and those that are not here are named") func peers() throws {
        let list = try #require(peers([("quick", false), ("ring", true)]))
        let usual = try plan()
        let settings = StudySettings(isQuick: false, names: [], withPeers: true)
        let plan = StudyPlan(settings, workloads: WorkloadTable.all, peers: list, in: here)
        #expect(plan.stages[0].pairings.count == usual.pairings.count)
        #expect(plan.stages[0].budgetSeconds == usual.stages[0].budgetSeconds)
        let others = plan.stages[1]
        #expect(others.budgetSeconds == 900 && usual.stages[1].pairings.isEmpty)
        #expect(Set(others.pairings.map(\.workload.name)) == Set(WorkloadTable.peers))
        #expect(others.pairings.count == 2 * WorkloadTable.peers.count)
        #expect(
            others.pairings.allSatisfy { $0.kind == .peers && $0.left.name == "io_uring" && $0.right.peer != nil })
        #expect(plan.omissions.map(\.right) == ["go"] && plan.omissions[0].reason == "no go here")
        // A dozen of them, one of which compiles for twelve seconds: it fits.
        let adapted = settings.adaptedToPeers()
        let slice = Double(adapted.sliceMilliseconds + adapted.warmUpMilliseconds) / 1_000
        let each = 2 * slice * Double(min(adapted.rotations, Estimate.leastRotations)) + 2
        #expect(Double(WorkloadTable.peers.count) * (11 * each + 12) < 900)
    }

    @Test("The short run has a few workloads for peers, and what is asked for by its name") func quickPeers() throws {
        let list = try #require(peers([("quick", false)]))
        func names(_ names: [String]) throws -> [String] {
            let workloads = try #require(WorkloadTable.chosen(by: names))
            let settings = StudySettings(isQuick: true, names: names, withPeers: true)
            return StudyPlan(settings, workloads: workloads, peers: list, in: here).stages[1].pairings
                .map(\.workload.name)
        }
        #expect(Set(try names([])) == Set(WorkloadTable.quickPeers))
        #expect(try names(["churn-c16", "idle"]) == ["churn-c16"])
    }

    @Test("Without io_uring peers stand beside epoll, but for those that need it") func peersWithoutUring() throws {
        let list = try #require(peers([("quick", false), ("ring", true)]))
        let settings = StudySettings(isQuick: true, names: [], withPeers: true)
        let plan = StudyPlan(
            settings, workloads: WorkloadTable.all, peers: list, in: .init(features: nil, refusal: "seccomp"))
        #expect(plan.stages[1].pairings.allSatisfy { $0.left.name == "epoll" && $0.right.name == "quick" })
        #expect(!plan.stages[1].pairings.isEmpty)
        #expect(plan.omissions.contains { $0.right == "ring" && $0.reason.contains("seccomp") })
    }

    @Test("A list of peers has another name for each, a path of each program, and no other form") func peerLists()
        throws
    {
        let list = try #require(peers([("quick", false)]))
        let workload = try #require(WorkloadTable.chosen(by: ["broadcast-g100"])?.first)
        #expect(list.peers[0].command(workload) == ["/bin/quick", "broadcast", "100"])
        let churn = try #require(WorkloadTable.chosen(by: ["churn"])?.first)
        #expect(list.peers[0].command(churn)[1] == "echo")
        #expect(peers([("a", false), ("a", false)]) == nil)
        #expect(peers([("epoll", false)]) == nil)
        #expect((try? PeerList(Data("{}".utf8))) == nil)
        #expect((try? PeerList(Data("{\"schema\":\"gori-peers-2\",\"peers\":[],\"skipped\":[]}".utf8))) == nil)
        let relative =
            "{\"schema\":\"gori-peers-1\",\"skipped\":[],\"peers\":[{\"name\":\"a\",\"version\":\"\","
            + "\"command\":[\"a\"],\"settleSeconds\":0,\"needsUring\":false}]}"
        #expect((try? PeerList(Data(relative.utf8))) == nil)
    }

    @Test func withoutUring() throws {
        let surroundings = StudyPlan.Surroundings(features: nil, refusal: "seccomp")
        let plan = try plan(["churn"], in: surroundings)
        #expect(plan.pairings.map(\.kind) == [.same])
        #expect(plan.pairings.first?.left.name == "epoll")
        #expect(Set(plan.omissions.map(\.right)).isSuperset(of: ["io_uring", "epoll", "threads"]))
        #expect(plan.omissions.allSatisfy { $0.reason.contains("seccomp") })
    }

    @Test("Without a feature a variant is its base, and is left out with that reason") func missingFeature() throws {
        let surroundings = StudyPlan.Surroundings(features: .all.subtracting(.incrementalBuffers))
        let plan = try plan(["echo-16k-c50-d1"], in: surroundings)
        #expect(plan.omissions.map(\.right) == ["no-incremental-buffers"])
        #expect(plan.omissions.first?.reason.contains("incremental-buffers") == true)
        #expect(!plan.pairings.contains { $0.right.name == "no-incremental-buffers" })
    }

    @Test func tooFewThreads() throws {
        let plan = try plan(["echo"], in: StudyPlan.Surroundings(features: .all, threads: 300))
        let names = plan.pairings.filter { $0.right.hasThreadPerConnection }.map(\.workload.name)
        #expect(names == ["echo-64-c1-d1", "echo-64-c50-d1", "echo-16k-c50-d1"])
        #expect(
            plan.omissions.contains { $0.right == "threads" && $0.reason == "needs 600 threads, and the limit is 300" })
        #expect(plan.omissions.allSatisfy { $0.right == "threads" })
    }

    @Test func tooFewDescriptors() throws {
        let surroundings = StudyPlan.Surroundings(features: .all, descriptors: 1_024)
        let plan = try plan(in: surroundings)
        #expect(plan.pairings.allSatisfy { $0.workload.connections + 100 <= 1_024 })
        #expect(plan.omissions.contains { $0.workload == "idle-c10000" && $0.reason.contains("ulimit -Hn 10100") })
    }
}
