// SPDX-License-Identifier: Apache-2.0

public import Overlapped

/// What all workers of a server and their ports have done since it started: sums of plain counts.
public struct ServerCounters: Sendable {
    /// Of the completion ports.
    public let port: PortCounters
    /// Of the workers; `sessions` and `bytesHeld` are what there is now.
    public let workers: WorkerCounters

    /// One line of JSON: `{"port":{…},"workers":{…}}`, each count under the name of its property.
    public var json: String {
        "{\"port\":\(Self.object(port.named)),\"workers\":\(Self.object(workers.named))}"
    }

    private static func object(_ counts: [(name: String, value: UInt64)]) -> String {
        "{" + counts.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",") + "}"
    }
}

extension PortCounters {
    /// Every count with its name, in the order of the properties.
    public var named: [(name: String, value: UInt64)] { Counts.named(self, Self.names) }

    private static let names = [
        "systemCalls", "completions", "submissions", "blockedSends", "buffersExhausted", "overflows", "stale",
        "submitsRefused", "sendsContinued", "closesInFlight", "lateReceives", "cancelsRepeated", "acceptPauses",
        "faults", "zeroCopySends", "zeroCopyCopied", "receiveBundles",
    ]
}

extension WorkerCounters {
    /// Every count with its name, in the order of the properties.
    public var named: [(name: String, value: UInt64)] { Counts.named(self, Self.names) }

    private static let names = [
        "accepted", "sessions", "bytesReceived", "packets", "violations", "sends", "bytesSent", "bytesBacklogged",
        "slowReaders", "endedForMemory", "silent", "turns", "encodeFailures", "heapBlocks", "refusedWaiting",
        "bytesHeld",
    ]
}

/// Structures of nothing but `UInt64`, which their tests see to.
private enum Counts {
    static func named<Counters: BitwiseCopyable>(_ counters: Counters, _ names: [String]) -> [(String, UInt64)] {
        withUnsafeBytes(of: counters) { words in
            names.enumerated().map { ($1, words.load(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
    }
}
