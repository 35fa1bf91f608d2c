// SPDX-License-Identifier: Apache-2.0

/// Where a run was made, and what of it decides about the figures.
public struct Machine: Codable, Sendable {
    /// As `uname -r` prints it.
    public var kernel: String
    /// The processor's name.
    public var processor: String
    /// Processors that are online.
    public var processors: Int
    /// Whether a hypervisor is below.
    public var isVirtual: Bool
    /// The processor of the servers; nil: nothing was pinned.
    public var serverCore: Int?
    /// The processor of the loads.
    public var loadCore: Int?
    /// The frequency governor; empty: none is to be seen.
    public var governor: String
    /// What the kernel does against the processor's faults, as `name: what`, without what does not concern it.
    public var mitigations: [String]
    /// How client and server are connected.
    public var link: String
    /// Sysctls that decide about sockets, as `name = value`.
    public var settings: [String]
    /// Memory in MiB.
    public var memoryMiB: Int
    /// Processes that were ready to run when the run began, on average over a minute.
    public var loadAverage: Double
    /// Share of the run for which the hypervisor gave the processors to others.
    public var stolen: Double
}
