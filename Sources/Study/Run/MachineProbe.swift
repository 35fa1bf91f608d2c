// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Overlapped

/// Looks at the machine, and at what happens to it between two looks.
struct MachineProbe {
    /// When this was made: UTC, as in RFC 3339.
    let time = Date().formatted(.iso8601)
    private let cores: Cores
    private let network: RunNetwork
    private let loadAverage = Double(Self.word(0, of: "/proc/loadavg")) ?? 0
    private let ticks = Self.processorTicks()

    init(_ cores: Cores, _ network: RunNetwork) {
        self.cores = cores
        self.network = network
    }

    static var build: String {
        #if DEBUG
            "debug"
        #else
            "release"
        #endif
    }

    func machine() -> Machine {
        let processor = ProcFile.text("/proc/cpuinfo") ?? ""
        return Machine(
            kernel: ProcFile.text("/proc/sys/kernel/osrelease").map(Self.trimmed) ?? "",
            processor: Self.field("model name", of: processor) ?? Self.field("CPU part", of: processor) ?? "unknown",
            processors: Sockets.processorCount,
            isVirtual: (Self.field("flags", of: processor) ?? "").split(separator: " ").contains("hypervisor"),
            serverCore: cores.server, loadCore: cores.load,
            governor: ProcFile.text("/sys/devices/system/cpu/cpu\(cores.server ?? 0)/cpufreq/scaling_governor")
                .map(Self.trimmed) ?? "",
            mitigations: Self.mitigations(), link: network.link, settings: Self.sysctls(),
            memoryMiB: Int(
                clamping: ProcessFacts.number(of: "MemTotal", in: ProcFile.text("/proc/meminfo") ?? "") / 1_024),
            loadAverage: loadAverage, stolen: stolen())
    }

    /// The commit of the checkout that the program lies in, with `+` when that was changed; empty without one.
    static func revision() -> String {
        guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else { return "" }
        let folder = URL(filePath: path).deletingLastPathComponent().path
        let commit = trimmed(git(["-C", folder, "rev-parse", "--short=12", "HEAD"]) ?? "")
        guard !commit.isEmpty else { return "" }
        let changes = git(["-C", folder, "status", "--porcelain", "--untracked-files=no"]) ?? ""
        return changes.isEmpty ? commit : commit + "+"
    }

    private static func git(_ arguments: [String]) -> String? {
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git"] + arguments
        let output = Pipe()
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return nil }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        return git.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
    }

    private static func mitigations() -> [String] {
        let folder = "/sys/devices/system/cpu/vulnerabilities"
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        return names.compactMap { name in
            guard let text = ProcFile.text("\(folder)/\(name)").map(trimmed), text != "Not affected" else { return nil }
            return "\(name): \(text)"
        }
    }

    private static func sysctls() -> [String] {
        let names = [
            "net.core.somaxconn", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.ipv4.tcp_mem",
            "net.ipv4.tcp_congestion_control", "net.ipv4.ip_local_port_range", "net.core.busy_poll",
        ]
        return names.compactMap { name in
            let path = "/proc/sys/" + name.split(separator: ".").joined(separator: "/")
            return ProcFile.text(path).map { text in
                "\(name) = \(text.split { $0.isWhitespace }.joined(separator: " "))"
            }
        }
    }

    // MARK: Processor time (proc_stat(5))

    private static func processorTicks() -> [UInt64] {
        let line = (ProcFile.text("/proc/stat") ?? "").split(separator: "\n").first ?? ""
        return line.split(separator: " ").dropFirst().compactMap { UInt64($0) }
    }

    private func stolen() -> Double {
        let now = Self.processorTicks()
        guard now.count > 7, ticks.count > 7 else { return 0 }
        // User, nice, system, idle, iowait, irq, softirq, steal; guests are in the first two.
        let passed = zip(now, ticks).prefix(8).map { $0 &- $1 }
        let all = passed.reduce(0, &+)
        return all == 0 ? 0 : Double(passed[7]) / Double(all)
    }

    // MARK: Text

    private static func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }

    private static func word(_ place: Int, of path: String) -> String {
        let words = (ProcFile.text(path) ?? "").split { $0.isWhitespace }
        return place < words.count ? String(words[place]) : ""
    }

    /// What follows `name` and a colon, the first time.
    private static func field(_ name: String, of text: String) -> String? {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            return trimmed(String(line[line.index(after: colon)...]))
        }
        return nil
    }
}
