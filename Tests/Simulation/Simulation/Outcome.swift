// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) public import SimulatedKernel

/// What became of one seed.
public struct Outcome: Sendable {
    /// Which.
    public let seed: UInt64
    /// The first thing that went wrong; nil when nothing did.
    public let failure: String?
    /// Of everything that happened, in its order.
    public let digest: UInt64
    /// Completions and readiness events told by the kernel.
    public let completions: Int
    /// Clients of the first hour; those that came back are not counted.
    public let clients: Int
    /// Steps of the machine.
    public let steps: Int
    /// How long it lasted in the machine's own time, in nanoseconds.
    public let virtualTime: UInt64
    /// What the kernel did.
    public let marks: Marks
    /// What servers and clients did.
    public let sights: Sights
}
