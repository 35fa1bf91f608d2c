// SPDX-License-Identifier: Apache-2.0

/// What a study tells its load process, and what that answers: lines of text over its standard input and output.
///
/// The order is one argument in JSON. When all connections stand the process says `connected`; then it answers each
/// line `WARM-UP MEASURED` (milliseconds) with one `LoadAnswer` in JSON, and ends with its input.
struct LoadOrder: Codable, Sendable {
    static let connected = "connected"

    /// The server's port on 127.0.0.1.
    var port: UInt16
    /// The server's process, whose processor time is read.
    var server: Int32
    var workload: Workload
    /// The load has a core of its own: it never sleeps, and the server pays nothing to wake it.
    var spins: Bool
    /// The server's processor, where its threads wait for each other: what others had of it is then what it was
    /// neither idle for nor the server's. nil: the server has one thread that works, or nothing is pinned.
    var sharedCore: Int?
}

/// What one slice was like, as the load saw it.
struct LoadAnswer: Codable, Sendable {
    var messages: UInt64
    var seconds: Double
    var serverNanoseconds: UInt64
    var loadNanoseconds: UInt64
    var withoutCore: Double
    var p50: Double
    var p99: Double
    var p999: Double
    var allMessages: UInt64
}

/// A reason for which a load cannot go on: wrong bytes, a lost connection, an answer that never came.
struct LoadFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
