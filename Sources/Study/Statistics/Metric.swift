// SPDX-License-Identifier: Apache-2.0

/// What is compared: a figure of each slice, and which way of it is good.
public enum Metric: String, Sendable, CaseIterable {
    /// The server's processor time for a message; the first figure, because a load that is slower than the server
    /// limits throughput and not this.
    case processor
    /// Messages a second.
    case throughput
    /// The median delay.
    case p50
    /// The delay that 99 % have at most.
    case p99
    /// The delay that 99.9 % have at most.
    case p999

    /// The figure of one slice.
    public func value(of slice: Slice) -> Double {
        switch self {
        case .processor: Double(slice.serverNanoseconds) / Double(slice.messages)
        case .throughput: Double(slice.messages) / slice.seconds
        case .p50: slice.p50
        case .p99: slice.p99
        case .p999: slice.p999
        }
    }

    /// What stands in the report.
    public var title: Text {
        switch self {
        case .processor: Text("CPU per message", "메시지당 CPU")
        case .throughput: Text("throughput", "처리량")
        case .p50: Text("p50 delay", "p50 지연")
        case .p99: Text("p99 delay", "p99 지연")
        case .p999: Text("p99.9 delay", "p99.9 지연")
        }
    }
}
