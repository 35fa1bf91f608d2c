// SPDX-License-Identifier: Apache-2.0

internal import Overlapped

/// Connections that stand and that a server has not accepted yet (proc_net_tcp(5)). Listeners stand first in the
/// tables, so that their beginning is enough however many connections there are.
enum ListenQueue {
    /// How many there are for a port of this machine; nil: nobody listens there.
    static func length(of port: UInt16) -> Int? {
        let texts = ["/proc/net/tcp", "/proc/net/tcp6"].compactMap(ProcFile.text)
        let lengths = texts.compactMap { length(of: port, in: $0) }
        return lengths.isEmpty ? nil : lengths.reduce(0, +)
    }

    /// Of a listener, the receive queue is the number that it has not accepted.
    static func length(of port: UInt16, in table: String) -> Int? {
        var sum: Int?
        for row in table.split(separator: "\n").dropFirst() {
            let words = row.split(separator: " ", maxSplits: 5)
            guard words.count > 4, words[3] == "0A", let name = words[1].split(separator: ":").last,
                UInt16(name, radix: 16) == port, let queue = words[4].split(separator: ":").last
            else { continue }
            sum = (sum ?? 0) + (Int(queue, radix: 16) ?? 0)
        }
        return sum
    }
}
