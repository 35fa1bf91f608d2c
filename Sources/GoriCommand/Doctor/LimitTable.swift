// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import Overlapped

/// The limits that a server runs into, what it needs of each, and how to raise those that are too low.
struct LimitTable {
    private let configuration: ServerConfiguration
    private let surroundings: UringSurroundings
    private let outcome: PortSelection?

    /// Locked memory of a worker's ring as newer kernels count it (measured on 6.18: 340 KiB), rounded up: queues of
    /// 1,024 and 16,384 entries, and the list of receive buffers.
    private static let ringBytes = 384 * 1_024
    /// The rings of the trial: the kernel gives their memory back a little later than they are closed.
    private static let trialBytes = 512 * 1_024
    /// Ports in the ephemeral range that bots need from each source address.
    private static let clientPorts = 28_000

    init(_ configuration: ServerConfiguration, _ surroundings: UringSurroundings, outcome: PortSelection?) {
        self.configuration = configuration
        self.surroundings = surroundings
        self.outcome = outcome
    }

    func rows() -> [Findings.Limit] {
        [descriptors, lockedMemory, acceptQueue, handshakes, ephemeralPorts].compactMap(\.self)
    }

    /// The server raises the soft limit by itself, so the hard one decides.
    private var descriptors: Findings.Limit {
        let needed = sessionsUnderLimit + 64 * configuration.workers
        let (soft, hard) = ResourceLimit.descriptors.now
        return limit(
            "open files", unit: "files", soft: soft, hard: hard, decisive: hard, needed: needed,
            fix: "ulimit -Hn \(needed), docker run --ulimit nofile=\(needed):\(needed), or LimitNOFILE=\(needed);"
                + " or fewer --maximum-sessions")
    }

    /// With direct descriptors the limit holds for each worker's table, and one may have a quarter more.
    private var sessionsUnderLimit: Int {
        let isDirect = configuration.directDescriptors && outcome?.features.contains(.directDescriptors) == true
        guard isDirect else { return configuration.maximumSessions }
        let share = configuration.maximumSessions / max(1, configuration.workers)
        return min(configuration.maximumSessions, share + share / 4 + 16)
    }

    /// What came of making the rings says more than a sum: whether they count at all is up to the kernel.
    private var lockedMemory: Findings.Limit {
        let mayCount = configuration.port != .epoll && !surroundings.mayLockMemory
        let (soft, hard) = ResourceLimit.lockedMemory.now
        var row = limit(
            "locked memory", unit: "bytes", soft: soft, hard: hard, decisive: soft,
            needed: mayCount ? configuration.workers * Self.ringBytes + Self.trialBytes : 0,
            fix: "ulimit -l unlimited, docker run --ulimit memlock=-1, or LimitMEMLOCK=infinity")
        if outcome?.port == .uring { (row.enough, row.fix) = (true, nil) }
        // The remedy of the refusal says it already.
        if outcome?.refusal?.cause == .lockedMemory { (row.enough, row.fix) = (false, nil) }
        return row
    }

    private var acceptQueue: Findings.Limit? {
        let needed = Int(Sockets.backlog)
        return sysctl(
            "accept queue", "net.core.somaxconn", unit: "connections", needed: needed,
            fix: "sysctl -w net.core.somaxconn=\(needed), or docker run --sysctl net.core.somaxconn=\(needed)")
    }

    /// With SYN cookies, which are the default, a full queue refuses nobody.
    private var handshakes: Findings.Limit? {
        let hasCookies = ProcFile.integers("/proc/sys/net/ipv4/tcp_syncookies").first.map { $0 != 0 } ?? true
        let needed = hasCookies ? 0 : Int(Sockets.backlog)
        return sysctl(
            "half-open connections", "net.ipv4.tcp_max_syn_backlog", unit: "connections", needed: needed,
            fix: "sysctl -w net.ipv4.tcp_syncookies=1")
    }

    /// A server needs none; bots need one a connection.
    private var ephemeralPorts: Findings.Limit? {
        let range = ProcFile.integers("/proc/sys/net/ipv4/ip_local_port_range")
        guard range.count == 2, range[1] >= range[0] else { return nil }
        let count = UInt64(range[1] - range[0] + 1)
        return limit(
            "ephemeral ports (for bots)", unit: "ports", soft: count, hard: count, decisive: count,
            needed: Self.clientPorts, fix: "sysctl -w net.ipv4.ip_local_port_range='32768 60999'")
    }

    private func sysctl(_ name: String, _ key: String, unit: String, needed: Int, fix: String) -> Findings.Limit? {
        let path = "/proc/sys/" + key.split(separator: ".").joined(separator: "/")
        guard let value = ProcFile.integers(path).first, value >= 0 else { return nil }
        let now = UInt64(value)
        return limit("\(name) (\(key))", unit: unit, soft: now, hard: now, decisive: now, needed: needed, fix: fix)
    }

    private func limit(
        _ name: String, unit: String, soft: UInt64?, hard: UInt64?, decisive: UInt64?, needed: Int, fix: String
    ) -> Findings.Limit {
        let isEnough = decisive.map { $0 >= UInt64(needed) } ?? true
        return Findings.Limit(
            name: name, unit: unit, soft: soft.map { Int(clamping: $0) }, hard: hard.map { Int(clamping: $0) },
            needed: needed, enough: isEnough, fix: isEnough ? nil : fix)
    }
}
