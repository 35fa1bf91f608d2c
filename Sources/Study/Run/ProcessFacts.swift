// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc
internal import Overlapped

/// What /proc says of a process (proc_pid_status(5), proc_pid_schedstat(5)): sums over its threads.
enum ProcessFacts {
    /// How long threads were ready to run and had no core; 0 where the kernel does not count it.
    static func nanosecondsWithoutCore(of processes: [pid_t]) -> UInt64 {
        var sum: UInt64 = 0
        for process in processes {
            for thread in threads(of: process) {
                let numbers = ProcFile.integers("\(thread)/schedstat")
                if numbers.count > 1 { sum &+= UInt64(clamping: numbers[1]) }
            }
        }
        return sum
    }

    typealias Switches = (voluntary: UInt64, forced: UInt64)

    /// Context switches: because a thread waited, and because it was interrupted.
    static func switches(of process: pid_t) -> Switches {
        var (voluntary, forced): (UInt64, UInt64) = (0, 0)
        for thread in threads(of: process) {
            let text = ProcFile.text("\(thread)/status") ?? ""
            voluntary &+= number(of: "voluntary_ctxt_switches", in: text)
            forced &+= number(of: "nonvoluntary_ctxt_switches", in: text)
        }
        return (voluntary, forced)
    }

    /// Resident memory in KiB.
    static func residentKiB(of process: pid_t) -> Int {
        Int(clamping: number(of: "VmRSS", in: ProcFile.text("/proc/\(process)/status") ?? ""))
    }

    static func descriptorCount(of process: pid_t) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count) ?? 0
    }

    /// Descriptors that the process's epoll sets watch edge-triggered (proc_pid_fdinfo(5)).
    static func edgeTriggeredCount(of process: pid_t) -> Int {
        let folder = "/proc/\(process)/fdinfo"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.reduce(0) { $0 + edgeTriggeredCount(in: ProcFile.text("\(folder)/\($1)") ?? "") }
    }

    /// The same of one descriptor's information: lines such as `tfd: 7 events: 80000019 data: …`.
    static func edgeTriggeredCount(in text: String) -> Int {
        text.split(separator: "\n").count { line in
            let words = line.split(separator: " ")
            guard line.hasPrefix("tfd:"), let place = words.firstIndex(of: "events:"), place + 1 < words.count else {
                return false
            }
            return (UInt32(words[place + 1], radix: 16) ?? 0) & 1 << 31 != 0
        }
    }

    static func threads(of process: pid_t) -> [String] {
        let folder = "/proc/\(process)/task"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map { "\(folder)/\($0)" }
    }

    /// How many threads a process of ours may have: of all on this machine, of this user (getrlimit(2)), and of our
    /// control group (cgroups(7)).
    static func threadLimit() -> Int {
        var limits = ProcFile.integers("/proc/sys/kernel/threads-max").prefix(1).map { Int(clamping: $0) }
        var own = rlimit()
        if getrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &own) == 0 {
            limits.append(Int(clamping: own.rlim_cur))
        }
        for line in (ProcFile.text("/proc/self/cgroup") ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let folder = parts[1].isEmpty ? "/sys/fs/cgroup" : "/sys/fs/cgroup/\(parts[1])"
            limits += ProcFile.integers("\(folder)\(parts[2])/pids.max").prefix(1).map { Int(clamping: $0) }
        }
        return limits.min() ?? .max
    }

    /// The number on the line that begins with `name:`; 0 without one.
    static func number(of name: String, in text: String) -> UInt64 {
        for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
            return line.dropFirst(name.count + 1).split { $0.isWhitespace }.first.flatMap { UInt64($0) } ?? 0
        }
        return 0
    }
}
