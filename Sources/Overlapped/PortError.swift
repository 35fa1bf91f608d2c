// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Why a port could not be set up, or cannot go on: which call, which errno, and what to do.
///
/// What happens to a single stream is never thrown; it is a completion.
public struct PortError: Error, Sendable, Hashable {
    /// What failed, as a reader of the log knows it: `io_uring_setup`, `bind 0.0.0.0:7777`.
    public let call: String
    /// The errno.
    public let code: Int32
    /// Cause and remedy, where more is known than the errno says.
    public let explanation: String?

    /// Describes a failure.
    public init(call: String, code: Int32, explanation: String? = nil) {
        self.call = call
        self.code = code
        self.explanation = explanation
    }

    /// Whether the process or the machine has as many open files as it may have.
    public var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
}

extension PortError: CustomStringConvertible {
    /// One line: what failed, why, and the remedy where one is known.
    public var description: String {
        let reason = "\(call): \(String(cString: strerror(code)))"
        if let explanation { return "\(reason): \(explanation)" }
        guard let remedy else { return reason }
        return "\(reason); \(remedy)"
    }

    private var remedy: String? {
        let isRing = call.hasPrefix("io_uring")
        switch code {
        case EPERM where isRing, EACCES where isRing:
            return "io_uring is denied here: check sysctl kernel.io_uring_disabled and the container's seccomp profile"
        case ENOSYS where isRing:
            return "this kernel has no io_uring: Linux 6.1 or newer is needed"
        case EINVAL where isRing:
            return "this kernel's io_uring is too old: Linux 6.1 or newer is needed"
        case ENOMEM where isRing:
            return "io_uring has no memory left: raise the memlock limit (ulimit -l)"
        case EOPNOTSUPP where isRing:
            return "this kernel cannot, or what they need is switched off: go without"
        case EADDRINUSE:
            return "another process listens there: stop it or choose another port with --listen"
        case EACCES:
            return "ports below 1024 need the capability CAP_NET_BIND_SERVICE: choose a higher port with --listen"
        case EADDRNOTAVAIL:
            return "no interface of this machine has that address"
        case EMFILE, ENFILE:
            return "too many open files: raise the limit (ulimit -n)"
        default:
            return nil
        }
    }
}
