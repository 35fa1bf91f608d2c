// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation
internal import Gori
internal import Overlapped

/// The options that `serve` and `echo` share.
struct ServerOptions: ParsableArguments {
    @Option(name: .customLong("listen"), help: "host:port, [v6]:port or :port; may be given more than once.")
    var addresses: [SocketAddress] = []

    @Option(name: .customLong("io"), help: "Completion port: auto, uring or epoll.")
    var port = PortPreference.auto

    @Option(help: "Threads that serve. Default: one for each core.")
    var workers: Int?

    @Option(help: "Sessions in all.")
    var maximumSessions = 16_384

    @Option(
        help:
            """
            io_uring features not to be used, separated by commas ('all': as on Debian 12); also GORI_URING_DISABLE.
            """
    )
    var disableFeatures: String?

    func validate() throws {
        if let workers { try checkRange(workers, 1...64, "--workers") }
        try checkRange(maximumSessions, 1...1_000_000, "--maximum-sessions")
        if let list = disableFeatures, UringFeatures(names: list) == nil {
            let names = UringFeatures.names.map(\.1).joined(separator: ", ")
            throw ValidationError("--disable-features takes all or some of \(names), not '\(list)'")
        }
    }

    /// Fills in what these options decide.
    func apply(to configuration: inout ServerConfiguration) {
        configuration.addresses = addresses
        configuration.port = port
        if let workers { configuration.workers = workers }
        configuration.maximumSessions = maximumSessions
        let list = disableFeatures ?? ProcessInfo.processInfo.environment["GORI_URING_DISABLE"] ?? ""
        configuration.disabledFeatures = UringFeatures(names: list) ?? []
    }
}
