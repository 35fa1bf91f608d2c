// SPDX-License-Identifier: Apache-2.0

/// A second of a run, for whoever watches.
public struct BotsProgress: Sendable {
    /// Seconds since the start.
    public var second: Int
    /// Connections that are open.
    public var connected: Int
    /// Packets sent in this second.
    public var sent: UInt64
    /// Packets received in this second.
    public var received: UInt64
    /// Half of this second's moves were answered within so many microseconds …
    public var median: UInt64
    /// … and 99 of 100 within so many.
    public var p99: UInt64

    /// The same in a line of less than 80 columns.
    public var line: String {
        "\(second) s: \(connected) connected, \(sent)/s sent, \(received)/s received, "
            + "p50 \(Decimal3(microseconds: median)) p99 \(Decimal3(microseconds: p99)) ms"
    }
}
