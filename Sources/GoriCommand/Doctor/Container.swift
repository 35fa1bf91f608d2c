// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Overlapped

/// What the process can see of the container that it is in.
enum Container {
    /// `docker`, `podman`, `kubernetes`, what systemd-nspawn and lxc say of themselves, or nil.
    static var name: String? {
        let environment = ProcessInfo.processInfo.environment
        if environment["KUBERNETES_SERVICE_HOST"] != nil { return "kubernetes" }
        if let name = environment["container"], !name.isEmpty { return name }
        if access("/run/.containerenv", F_OK) == 0 { return "podman" }
        return access("/.dockerenv", F_OK) == 0 ? "docker" : nil
    }

    /// How to let io_uring through the filter of each runtime.
    static let seccompHints = [
        "docker, podman: run --security-opt seccomp=docs/deploy/seccomp.json (to find out whether that is it:"
            + " seccomp=unconfined)",
        "kubernetes: securityContext.seccompProfile of type Localhost with docs/deploy/seccomp.json",
    ]

    /// Whole processors that the control group allows, at least 1; nil: all of them.
    static var processorShare: Int? {
        let words = (ProcFile.text("/sys/fs/cgroup/cpu.max") ?? "").split { $0.isWhitespace }.compactMap { Int($0) }
        guard words.count == 2, words[0] > 0, words[1] > 0 else { return nil }
        return max(1, words[0] / words[1])
    }

    /// The architecture, as `uname -m` prints it.
    static var machine: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "" }
        return withUnsafeBytes(of: &name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
