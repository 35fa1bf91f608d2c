// SPDX-License-Identifier: Apache-2.0

public import Overlapped

/// Whom a load is put on, by how many connections, and how fast they come.
public struct LoadConfiguration: Sendable {
    /// The server.
    public var address: SocketAddress
    /// Connections in all.
    public var count: Int
    /// Connections per second.
    public var ramp: Int
    /// Which completion port carries it.
    public var port = PortPreference.auto
    /// io_uring features that are not to be used.
    public var disabledFeatures: UringFeatures = []

    /// From one source address to one server there are as many connections as ephemeral ports
    /// (net.ipv4.ip_local_port_range, 28,232 by default), less some that others hold.
    public static let connectionsPerSource = 28_000

    /// Describes a load.
    ///
    /// - Precondition: `count` is 1…`CompletionKey.slotLimit`, `ramp` is at least 1.
    public init(address: SocketAddress, count: Int, ramp: Int) {
        precondition(count >= 1 && count <= CompletionKey.slotLimit && ramp >= 1)
        self.address = address
        self.count = count
        self.ramp = ramp
    }

    /// Milliseconds from the start at which the last connection is due.
    public var rampMilliseconds: UInt32 { milliseconds(of: count - 1) }

    /// Milliseconds from the start at which a connection is due.
    func milliseconds(of connection: Int) -> UInt32 { UInt32(clamping: connection * 1_000 / ramp) }
}
