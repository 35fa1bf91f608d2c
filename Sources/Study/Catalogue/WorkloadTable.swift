// SPDX-License-Identifier: Apache-2.0

/// Every workload there is; a new one is an entry here.
public enum WorkloadTable {
    /// All, in the order of the report.
    public static let all: [Workload] =
        echoes + packets + broadcasts + [idle, churn] + streams + [slow] + opens + [course]

    /// The families, in the order of the report.
    public static let families = [
        "echo", "packet", "broadcast", "idle", "churn", "stream", "slow", "open", "course",
    ]

    /// What the short run measures.
    static let quick: Set<String> = [
        "echo-64-c1-d1", "echo-64-c50-d1", "echo-64-c500-d1", "echo-64-c5000-d1", "echo-64-c50-d16",
        "echo-1k-c50-d1", "echo-16k-c50-d1", "packet-c50-d1", "packet-c50-d16", "broadcast-g10", "broadcast-g100",
        "broadcast-g1000", "idle-c10000", "churn-c16", "stream-c2", "open-20k",
    ]

    /// What peers are compared in, and in the short run.
    static let peers = [
        "echo-64-c50-d1", "echo-64-c500-d1", "echo-64-c50-d16", "echo-16k-c50-d1", "echo-64-c1-d1", "packet-c50-d1",
        "broadcast-g10", "broadcast-g100", "churn-c16",
    ]
    static let quickPeers = ["echo-64-c50-d1", "echo-64-c50-d16", "packet-c50-d1", "broadcast-g10"]

    /// Bytes under way above which a workload asks more of the kernel's socket memory than of the server.
    private static let mostUnderWay = 128 << 20

    /// Those that a list of names asks for, each of them a workload or a family; nil when one is neither.
    public static func chosen(by names: [String]) -> [Workload]? {
        guard names.allSatisfy({ name in all.contains { $0.name == name || $0.family == name } }) else { return nil }
        return names.isEmpty ? all : all.filter { names.contains($0.name) || names.contains($0.family) }
    }

    private static let echoes: [Workload] = [(64, "64"), (1_024, "1k"), (16_384, "16k")].flatMap { size, text in
        [1, 50, 500, 5_000].flatMap { count in
            [1, 16].map { depth in
                Workload(
                    name: "echo-\(text)-c\(count)-d\(depth)", traffic: .echo, connections: count, active: count,
                    depth: depth, size: size)
            }
        }
    }.filter { $0.connections * $0.depth * $0.size <= mostUnderWay }

    private static let packets: [Workload] = [50, 500].flatMap { count in
        [1, 16].map { depth in
            Workload(
                name: "packet-c\(count)-d\(depth)", traffic: .packet, connections: count, active: count,
                depth: depth, size: 200)
        }
    }

    /// Ten of each group send, so that a round of the largest is a hundredth of a second and not one.
    private static let broadcasts: [Workload] = [(100, 10), (200, 100), (1_000, 1_000)].map { count, group in
        Workload(
            name: "broadcast-g\(group)", traffic: .broadcast, connections: count, active: count / group * 10,
            group: group)
    }

    private static let idle = Workload(name: "idle-c10000", traffic: .echo, connections: 10_000, active: 100)

    private static let churn = Workload(name: "churn-c16", traffic: .churn, connections: 16, active: 16)

    /// A mebibyte under way on each, so that neither direction ever runs dry.
    private static let streams: [Workload] = [2, 8].map { count in
        Workload(
            name: "stream-c\(count)", traffic: .stream, connections: count, active: count, depth: 16, size: 65_536)
    }

    private static let slow = Workload(name: "slow-c50", traffic: .slow, connections: 100, active: 50, slow: 50)

    private static let opens: [Workload] = [(5_000, "5k"), (20_000, "20k"), (50_000, "50k")].map { rate, text in
        Workload(name: "open-\(text)", traffic: .open, connections: 50, active: 50, rate: rate)
    }

    private static let course = Workload(name: "course-c1000", traffic: .course, connections: 1_000, active: 1_000)
}
