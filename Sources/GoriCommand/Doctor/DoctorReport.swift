// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Findings in the two forms in which they are read: a table for people, JSON for programs.
struct DoctorReport {
    let findings: Findings

    init(_ findings: Findings) { self.findings = findings }

    /// Keys are sorted, so that two reports can be compared line by line.
    func json() -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        guard var data = try? encoder.encode(findings) else { return Data() }
        data.append(10)
        return data
    }

    var table: String {
        var lines = head
        lines += ["", "kernel features"] + features
        lines += ["", "limits"] + limits
        if !findings.advice.isEmpty { lines += ["", "to change"] + findings.advice.map { "  \($0)" } }
        lines += ["", findings.canRun ? "a server can run here" : "no server can run here"]
        return lines.joined(separator: "\n")
    }

    private var head: [String] {
        let kernel = findings.kernel
        var lines = ["gori \(findings.gori) on Linux \(kernel.release) (\(kernel.machine))"]
        lines.append(row("processors", "\(findings.processors)"))
        if let container = findings.container { lines.append(row("container", container)) }
        lines.append(row("io_uring_disabled", kernel.ioUringDisabled.map(String.init) ?? "no such sysctl"))
        lines.append(row("seccomp filter", kernel.seccompFilter ? "yes" : "no"))
        guard let refusal = findings.refusal else {
            return lines + [row("--io \(findings.asked)", findings.reason)]
        }
        lines.append(row("--io \(findings.asked)", "epoll, because \(refusal.text)"))
        lines.append(row("", "(\(refusal.call): \(refusal.error))"))
        return lines
    }

    private var features: [String] {
        findings.features.map { feature in
            "  \(pad(feature.name, 20)) \(pad(feature.since, 5)) \(pad(feature.state.rawValue, 8)) \(feature.gives)"
        }
    }

    private var limits: [String] {
        let width = findings.limits.map(\.name.count).max() ?? 0
        return findings.limits.map { limit in
            let now = limit.soft == limit.hard ? text(limit.soft) : "\(text(limit.soft)) of \(text(limit.hard))"
            let need = limit.needed == 0 ? "none needed" : "\(limit.needed) \(limit.unit) needed"
            return "  \(pad(limit.name, width))  \(pad(now, 20)) \(limit.enough ? "ok" : "TOO LOW"): \(need)"
        }
    }

    private func row(_ name: String, _ value: String) -> String { "  \(pad(name, 20)) \(value)" }

    private func text(_ value: Int?) -> String { value.map(String.init) ?? "unlimited" }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
