// SPDX-License-Identifier: Apache-2.0

public import Load
public import Overlapped

/// A run of bots.
public struct BotsConfiguration: Sendable {
    /// The server, how many bots, and how fast they come.
    public var load: LoadConfiguration
    /// Seconds for which all bots are in the world; the ramp comes on top.
    public var seconds: Int
    /// Decides names, phases and walks.
    public var seed: UInt32

    /// Describes a run.
    ///
    /// - Precondition: `seconds` is at least 1.
    public init(address: SocketAddress, count: Int, ramp: Int, seconds: Int, seed: UInt32) {
        precondition(seconds >= 1)
        load = LoadConfiguration(address: address, count: count, ramp: ramp)
        self.seconds = seconds
        self.seed = seed
    }
}
