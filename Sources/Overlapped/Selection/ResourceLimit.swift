// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The limits of a process that a server runs into (getrlimit(2)).
public enum ResourceLimit: Sendable, CaseIterable {
    /// Open descriptors; a number.
    case descriptors
    /// Memory locked by all processes of the user, rings included; bytes.
    case lockedMemory

    /// What holds, and how far a process may raise it by itself; nil: unlimited.
    public var now: (soft: UInt64?, hard: UInt64?) {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return (nil, nil) }
        func bounded(_ value: rlim_t) -> UInt64? { value == rlim_t.max ? nil : UInt64(value) }
        return (bounded(limit.rlim_cur), bounded(limit.rlim_max))
    }

    private var resource: __rlimit_resource_t {
        switch self {
        case .descriptors: __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        case .lockedMemory: __rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue)
        }
    }
}
