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
    /// Of all connections so many come first, at `settledRamp` a second; the others follow from `waveStart` on.
    public var settled = 0
    /// Milliseconds from the start at which the first connection after the settled ones is due.
    public var waveStart: UInt32 = 0
    /// Which completion port carries it.
    public var port = PortPreference.auto
    /// io_uring features that are not to be used.
    public var disabledFeatures: UringFeatures = []

    /// From one source address to one server there are as many connections as ephemeral ports
    /// (net.ipv4.ip_local_port_range, 28,232 by default), less some that others hold.
    public static let connectionsPerSource = 28_000
    /// On loopback, where another source address costs nothing, each has fewer: the kernel looks through all ports of
    /// one parity before it takes one of the other, and finds less than a connection in a millisecond when those are
    /// taken.
    static let connectionsPerLoopbackSource = 12_000

    /// Connections per second of those that come first, as long as `ramp` is not less.
    public static let settledRamp = 500

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

    /// Which source address a connection has, as `Dial` counts them.
    func source(of connection: Int) -> Int {
        guard address.isLoopback, !address.isIPv6 else { return 0 }
        return connection / Self.connectionsPerLoopbackSource
    }

    /// Milliseconds from the start at which a connection is due.
    public func milliseconds(of connection: Int) -> UInt32 {
        guard connection >= settled else {
            return UInt32(clamping: connection * 1_000 / min(ramp, Self.settledRamp))
        }
        return UInt32(clamping: Int(waveStart) + (connection - settled) * 1_000 / ramp)
    }
}
