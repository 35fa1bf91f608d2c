// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Why io_uring cannot be used here: what was tried, what the kernel answered, the cause, and what to change.
public struct UringRefusal: Sendable, Hashable {
    /// The causes that have remedies of their own. The raw values are for programs.
    public enum Cause: String, Sendable, CaseIterable {
        /// The kernel says that it is older than Linux 6.1.
        case kernelTooOld = "kernel-too-old"
        /// sysctl kernel.io_uring_disabled.
        case switchedOff = "sysctl"
        /// A filter of system calls, as container runtimes and service managers install.
        case seccomp
        /// A security module, such as SELinux.
        case securityModule = "security-module"
        /// A kernel built without io_uring, or a sandbox that plays the kernel.
        case notBuilt = "not-built"
        /// RLIMIT_MEMLOCK.
        case lockedMemory = "memlock"
        /// The machine or the control group is out of memory.
        case memory
        /// io_uring is there and lacks what the port cannot do without.
        case missingFeature = "missing-feature"
        /// RLIMIT_NOFILE, or the system's own limit.
        case descriptors = "nofile"
        /// The trial itself could not be made, as without a loopback interface.
        case trial
        /// None of these.
        case other
    }

    /// The cause.
    public let cause: Cause
    /// What was refused, as `io_uring_setup`.
    public let call: String
    /// The errno.
    public let code: Int32
    /// Of the error, where whoever threw it knew more than its errno.
    private let explanation: String?
    private let surroundings: UringSurroundings

    /// Finds the cause: a pure function of what the kernel answered and of what is known about the process.
    public init(_ error: PortError, in surroundings: UringSurroundings) {
        call = error.call
        code = error.code
        explanation = error.explanation
        self.surroundings = surroundings
        cause = Self.cause(of: error, in: surroundings)
    }

    private static func cause(of error: PortError, in surroundings: UringSurroundings) -> Cause {
        if error.code == EMFILE || error.code == ENFILE { return .descriptors }
        if error.code == ENOMEM {
            let isLimited = surroundings.lockedMemoryLimit != nil && !surroundings.mayLockMemory
            return isLimited ? .lockedMemory : .memory
        }
        guard error.call.hasPrefix("io_uring") else { return .trial }
        switch error.code {
        case EPERM, EACCES:
            // The filter of a container answers before the kernel looks at its sysctl, but the sysctl is certain.
            if surroundings.disabledLevel == 2 { return .switchedOff }
            if surroundings.disabledLevel == 1, !surroundings.isAdministrator { return .switchedOff }
            return surroundings.hasSeccompFilter ? .seccomp : .securityModule
        case ENOSYS:
            if surroundings.isOlderThanNeeded { return .kernelTooOld }
            return surroundings.hasSeccompFilter ? .seccomp : .notBuilt
        case EINVAL, EOPNOTSUPP:
            return surroundings.isOlderThanNeeded ? .kernelTooOld : .missingFeature
        default:
            return .other
        }
    }

    /// The cause in words.
    public var text: String {
        switch cause {
        case .kernelTooOld: "Linux \(surroundings.kernelRelease) is too old"
        case .switchedOff: "sysctl kernel.io_uring_disabled is \(surroundings.disabledLevel ?? 0)"
        case .seccomp: "a seccomp filter denies io_uring, as container runtimes do by default"
        case .securityModule: "neither sysctl nor seccomp denies io_uring, so a security module does"
        case .notBuilt: "this kernel was built without io_uring, or a sandbox stands in for it"
        case .lockedMemory: "the limit of locked memory is \((surroundings.lockedMemoryLimit ?? 0) / 1_024) KiB"
        case .memory: "the kernel has no memory for a ring"
        case .missingFeature: "this kernel's io_uring lacks what Linux 6.1 has"
        case .descriptors: "too many files are open"
        case .trial: "it could not be tried on a loopback connection"
        case .other: "the kernel gives no further reason"
        }
    }

    /// What to change, so that io_uring works; one line.
    public var remedy: String {
        switch cause {
        case .kernelTooOld, .notBuilt, .missingFeature: "run a kernel that has all of io_uring, Linux 6.1 or newer"
        case .switchedOff: "allow it with: sysctl -w kernel.io_uring_disabled=0"
        case .seccomp:
            "allow io_uring_setup, io_uring_enter and io_uring_register: docker run"
                + " --security-opt seccomp=docs/deploy/seccomp.json, or SystemCallFilter= of the systemd unit"
        case .securityModule: "look for io_uring in the audit log and allow it in the policy"
        case .lockedMemory:
            "raise the limit: ulimit -l unlimited, docker run --ulimit memlock=-1, or LimitMEMLOCK=infinity"
        case .memory: "free memory, or raise the memory limit of the container or service"
        case .descriptors: "raise the limit: ulimit -n, docker run --ulimit nofile=65536:65536, or LimitNOFILE="
        case .trial: "see that the loopback interface is up: ip link set lo up"
        case .other: "please report it, with what `gori doctor` says"
        }
    }

    /// As thrown when there is no other port to take.
    var error: PortError { PortError(call: call, code: code, explanation: explanation ?? "\(text); \(remedy)") }
}

extension UringRefusal: CustomStringConvertible {
    /// One line: what failed, why, and the remedy.
    public var description: String { error.description }
}
