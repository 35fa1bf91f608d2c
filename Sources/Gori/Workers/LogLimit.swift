// SPDX-License-Identifier: Apache-2.0

/// Keeps what happens again and again from flooding the log: one line in five seconds.
struct LogLimit {
    static let interval: UInt64 = 5_000_000_000
    private var next: UInt64 = 0

    /// Whether a line may be written now.
    mutating func allows(at now: UInt64) -> Bool {
        guard now >= next else { return false }
        next = now &+ Self.interval
        return true
    }
}
