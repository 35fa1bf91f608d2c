// SPDX-License-Identifier: Apache-2.0

internal import CStudy
internal import Glibc
internal import Overlapped

/// The network over which clients and servers of a run talk.
///
/// The machine's own has a firewall, other people's connections, and a congestion control that may pace: BBR sends
/// bulk over loopback by timers, and a block then costs three times the processor time for some seconds and not for
/// others, in any server (`docs/decisions/0029`).
public struct RunNetwork: Sendable {
    /// RFC 5681, which every Linux kernel has and everybody may choose (tcp(7)). It paces nothing.
    public static let reno = "reno"

    /// Why it is the machine's; nil: it is the run's own.
    public let refusal: String?

    /// Gives the calling thread, and the processes that it starts from now on, a network namespace with a loopback and
    /// nothing else (network_namespaces(7)), or leaves all as it is where the system does not allow that.
    ///
    /// Called on the main thread before there is another one: without the right to it the kernel wants a user namespace
    /// (user_namespaces(7)), and gives that only to a process of one thread.
    ///
    /// - Parameter congestionControl: what TCP uses there, of `net.ipv4.tcp_available_congestion_control`.
    public static func enter(congestionControl: String) -> RunNetwork {
        let result = cs_enter_own_network(congestionControl)
        return RunNetwork(refusal: result == 0 ? nil : String(cString: strerror(-result)))
    }

    /// How client and server are connected, for a report.
    var link: String {
        let loopback = "MTU \(ProcFile.text("/sys/class/net/lo/mtu").map(Self.line) ?? "?")"
        guard let refusal else { return "loopback in a network of the run's own, \(loopback)" }
        return "the machine's loopback, \(loopback); no network of the run's own: \(refusal)"
    }

    private static func line(_ text: String) -> Substring { text.prefix { !$0.isNewline } }
}
