// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation
internal import Gori
internal import Overlapped

/// The options that decide what a server asks of the machine: shared by what serves and by `doctor`.
struct EngineOptions: ParsableArguments {
    @Option(
        name: .customLong("io"),
        help: "Completion port: auto, uring or epoll; also GORI_IO. auto takes io_uring where it works.")
    var port: PortPreference?

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

    @Flag(help: "Sockets in the tables of the rings: the limit of open files holds for each worker, not for all.")
    var directDescriptors = false

    @Option(
        help: "Other ways to use the kernel than the default, for comparisons, separated by commas; needs --io.")
    var techniques: String?

    private static let portVariable = "GORI_IO"

    func validate() throws {
        if let workers { try checkRange(workers, 1...64, "--workers") }
        try checkRange(maximumSessions, 1...1_000_000, "--maximum-sessions")
        if port == nil, let name = Self.environment(Self.portVariable), PortPreference(rawValue: name) == nil {
            throw ValidationError("\(Self.portVariable) takes auto, uring or epoll, not '\(name)'")
        }
        if let list = disableFeatures, UringFeatures(names: list) == nil {
            let names = UringFeatures.names.map(\.1).joined(separator: ", ")
            throw ValidationError("--disable-features takes all or some of \(names), not '\(list)'")
        }
        if let list = techniques { try check(techniques: list) }
    }

    private func check(techniques list: String) throws {
        guard let engine = port.flatMap({ PortEngine(rawValue: $0.rawValue) }) else {
            throw ValidationError("--techniques needs --io uring or --io epoll: each has its own")
        }
        let known = PortTechniques.known(to: engine)
        guard let wanted = PortTechniques(names: list), !wanted.isEmpty, known.isSuperset(of: wanted) else {
            let names = PortTechniques.names.filter { known.contains($0.0) }.map(\.1).joined(separator: ", ")
            throw ValidationError("--techniques with --io \(engine.rawValue) takes some of \(names), not '\(list)'")
        }
    }

    /// Fills in what these options decide.
    func apply(to configuration: inout ServerConfiguration) {
        let preferred = Self.environment(Self.portVariable).flatMap(PortPreference.init)
        configuration.port = port ?? preferred ?? .auto
        if let workers { configuration.workers = workers }
        configuration.maximumSessions = maximumSessions
        configuration.directDescriptors = directDescriptors
        configuration.techniques = techniques.flatMap(PortTechniques.init(names:)) ?? []
        let list = disableFeatures ?? Self.environment("GORI_URING_DISABLE") ?? ""
        configuration.disabledFeatures = UringFeatures(names: list) ?? []
    }

    /// A variable that is set to nothing counts as not set.
    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}
