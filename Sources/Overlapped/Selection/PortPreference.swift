// SPDX-License-Identifier: Apache-2.0

/// Which completion port whoever runs a server wants.
public enum PortPreference: String, Sendable, CaseIterable {
    /// io_uring where it works, epoll where it does not.
    case auto
    /// io_uring, or no server.
    case uring
    /// epoll; io_uring is not even asked for, because a seccomp filter may end the process that does.
    case epoll
}

/// The kernel's two ways of doing the same.
public enum PortEngine: String, Sendable, CaseIterable {
    /// Completions: `UringPort`.
    case uring
    /// Readiness: `EpollPort`.
    case epoll
}

extension PortEngine: CustomStringConvertible {
    /// As the kernel's manual pages call it.
    public var description: String { self == .uring ? "io_uring" : "epoll" }
}
