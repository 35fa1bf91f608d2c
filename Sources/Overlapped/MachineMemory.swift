// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How much memory a process may use here.
public enum MachineMemory {
    /// Bytes: the machine's, or what the process' control group may use if that is less.
    public static var bytes: Int {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let machine = max(1, pages) * max(1, sysconf(Int32(_SC_PAGESIZE)))
        // Version 2 and 1 of control groups, as a container sees its own.
        let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        let limits = groups.compactMap { ProcFile.text($0).flatMap(ProcFile.integer) }
        return ([machine] + limits.filter { $0 > 0 }).min() ?? machine
    }
}
