// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What decides whether a process may use io_uring, as the kernel tells it about itself.
public struct UringSurroundings: Sendable, Hashable {
    /// As `uname -r` prints it.
    public var kernelRelease: String
    /// sysctl kernel.io_uring_disabled: 0 allowed, 1 for privileged processes, 2 for nobody; nil before Linux 6.6.
    public var disabledLevel: Int?
    /// Whether system calls of this process go through a seccomp filter.
    public var hasSeccompFilter: Bool
    /// Bytes that the processes of this user may lock; nil: unlimited.
    public var lockedMemoryLimit: UInt64?
    /// The effective capabilities, as bits.
    public var capabilities: UInt64

    /// Describes a process.
    public init(
        kernelRelease: String, disabledLevel: Int?, hasSeccompFilter: Bool, lockedMemoryLimit: UInt64?,
        capabilities: UInt64
    ) {
        self.kernelRelease = kernelRelease
        self.disabledLevel = disabledLevel
        self.hasSeccompFilter = hasSeccompFilter
        self.lockedMemoryLimit = lockedMemoryLimit
        self.capabilities = capabilities
    }

    /// Of this process, now. Reads two files of /proc; what cannot be read counts as the default.
    public static func here() -> UringSurroundings {
        let status = ProcFile.text("/proc/self/status") ?? ""
        return UringSurroundings(
            kernelRelease: ProcFile.kernelRelease,
            disabledLevel: ProcFile.text("/proc/sys/kernel/io_uring_disabled").flatMap(ProcFile.integer),
            hasSeccompFilter: ProcFile.field("Seccomp", of: status).flatMap(ProcFile.integer) == 2,
            lockedMemoryLimit: ResourceLimit.lockedMemory.now.soft,
            capabilities: ProcFile.field("CapEff", of: status).flatMap { UInt64($0, radix: 16) } ?? 0)
    }

    /// Major and minor number of the kernel; (0, 0) when the release begins with something else.
    public var kernelVersion: (major: Int, minor: Int) {
        let numbers = kernelRelease.split(maxSplits: 2, omittingEmptySubsequences: false) { !$0.isNumber }
        return (numbers.first.flatMap { Int($0) } ?? 0, numbers.count > 1 ? Int(numbers[1]) ?? 0 : 0)
    }

    /// Whether the kernel says that it is older than what `UringPort` needs. A vendor may have ported io_uring back, so
    /// this explains a refusal and never makes one.
    public var isOlderThanNeeded: Bool { kernelVersion < (6, 1) }

    /// CAP_SYS_ADMIN: level 1 of the sysctl does not concern it.
    var isAdministrator: Bool { capabilities & 1 << 21 != 0 }
    /// CAP_IPC_LOCK: its rings do not count as locked memory.
    public var mayLockMemory: Bool { capabilities & 1 << 14 != 0 }
}
