// SPDX-License-Identifier: Apache-2.0

internal import CStudy
internal import Overlapped

/// Which processor the servers have, and which the loads.
struct Cores {
    /// nil: there is only one that this process may use, and nothing is pinned.
    var server: Int?
    /// nil likewise.
    var load: Int?

    /// Two that this process may use; of different cores where threads share one.
    static func pick() -> Cores {
        let usable = (0..<1_024).filter { cs_may_run_on(UInt32($0)) == 1 }
        guard let first = usable.first, usable.count > 1 else { return Cores() }
        let siblings = siblings(of: first)
        return Cores(server: first, load: usable.dropFirst().first { !siblings.contains($0) } ?? usable[1])
    }

    /// Threads of the same core: `0,4` or `0-1`.
    private static func siblings(of processor: Int) -> Set<Int> {
        let folder = "/sys/devices/system/cpu/cpu\(processor)/topology"
        guard let text = ProcFile.text("\(folder)/thread_siblings_list") else { return [processor] }
        return list(text)
    }

    /// The numbers of a list of processors, as the kernel writes it.
    static func list(_ text: String) -> Set<Int> {
        var numbers: Set<Int> = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            if let low = ends.first, let high = ends.last, low <= high { numbers.formUnion(low...high) }
        }
        return numbers
    }
}
