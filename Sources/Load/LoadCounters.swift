// SPDX-License-Identifier: Apache-2.0

/// What has gone over all connections of a load; plain counts.
public struct LoadCounters: Sendable, BitwiseCopyable {
    /// Connections that came about.
    public var connected = 0
    /// Connections that are open now.
    public var open = 0
    /// Packets given to the kernel or waiting for it.
    public var packetsSent: UInt64 = 0
    /// Whole packets received.
    public var packetsReceived: UInt64 = 0
    /// Bytes received.
    public var bytesReceived: UInt64 = 0
    /// Sends that the kernel did not take whole.
    public var blockedSends: UInt64 = 0
    /// Turns of the loop.
    public var turns: UInt64 = 0
    /// The longest that something due had to wait for this side, in milliseconds: above a few, the machine is too
    /// busy for the load and delays say as much about the bots as about the server.
    public var worstLateness: UInt32 = 0

    /// All zero.
    public init() {}
}
