// SPDX-License-Identifier: Apache-2.0

/// Every slice as a line of CSV (RFC 4180), for programs that draw and calculate.
enum CSVReport {
    private static let columns = [
        "kind", "workload", "left", "right", "side", "variant", "start", "rotation", "messages", "seconds",
        "messages_per_second", "server_ns_per_message", "load_share", "without_core", "p50_us", "p99_us", "p999_us",
        "system_calls_per_message", "completions_per_message", "sends_per_message", "bytes_copied_per_message",
        "switches_voluntary", "switches_forced",
    ]

    static func text(_ results: Results) -> String {
        var lines = [columns.joined(separator: ",")]
        for comparison in results.comparisons {
            lines += comparison.slices.map { line($0, of: comparison) }
        }
        return lines.joined(separator: "\r\n") + "\r\n"
    }

    private static func line(_ slice: Slice, of comparison: Comparison) -> String {
        let all = [slice]
        let names = [
            comparison.kind.rawValue, comparison.workload.name, comparison.left, comparison.right, slice.side.rawValue,
            slice.side == .left ? comparison.left : comparison.right,
        ]
        let numbers: [Double] = [
            slice.seconds, Metric.throughput.value(of: slice), Metric.processor.value(of: slice),
            Double(slice.loadNanoseconds) / 1e9 / slice.seconds, slice.withoutCore, slice.p50, slice.p99, slice.p999,
        ]
        let counters: [KeyPath<Slice, UInt64>] = [\.systemCalls, \.completions, \.sends, \.bytesCopied]
        let counted: [Double] = counters.map { counter in
            slice.isWithoutCounters == true ? .nan : Summary.ratio(of: all) { $0[keyPath: counter] }
        }
        let fields =
            names.map(Escape.field) + ["\(slice.start)", "\(slice.rotation)", "\(slice.messages)"]
            + (numbers + counted).map { $0.isFinite ? "\($0)" : "" } + [
                "\(slice.switchesVoluntary)", "\(slice.switchesForced)",
            ]
        return fields.joined(separator: ",")
    }
}
