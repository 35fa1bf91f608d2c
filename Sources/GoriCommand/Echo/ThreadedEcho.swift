// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation
internal import Overlapped
internal import Study

/// `gori echo --thread-per-connection`: the same work without the engine.
enum ThreadedEcho {
    /// Options that say how the engine works mean nothing without it.
    static func check(_ options: ServerOptions, idleTimeout: Int) throws {
        let engine = options.engine
        let foreign: [(String, Bool)] = [
            ("--io", engine.port != nil), ("--workers", engine.workers != nil),
            ("--disable-features", engine.disableFeatures != nil), ("--direct-descriptors", engine.directDescriptors),
            ("--techniques", engine.techniques != nil), ("--memory-limit", options.memoryLimit != nil),
            ("--idle-timeout", idleTimeout != 0),
        ]
        if let name = foreign.first(where: \.1)?.0 {
            throw ValidationError("--thread-per-connection takes no \(name), which is the engine's: leave one out")
        }
        guard options.endpoints.count <= 1 else {
            throw ValidationError("--thread-per-connection takes one --listen")
        }
    }

    static func run(_ mode: Echo.Mode, group: Int, _ options: ServerOptions) throws {
        let fallback: SocketAddress = Sockets.hasIPv6 ? .anyIPv6(port: 7_777) : .anyIPv4(port: 7_777)
        let address = try options.endpoints.first?.resolved().first ?? fallback
        let counted: String
        do {
            let server = try ThreadServer(Self.mode(mode), group: group, on: address)
            let listening = server.address
            counted = try server.run {
                Output.log("gori \(Version.current), a thread for each connection, blocking calls, no engine")
                Output.line("listening \(listening)")
                Output.line("ready")
            } report: {
                Output.log($0)
            }
        } catch {
            throw RunFailure("\(error): give another --listen")
        }
        guard let path = options.countersFile else { return }
        do {
            try Data((counted + "\n").utf8).write(to: URL(filePath: path))
        } catch {
            throw RunFailure("cannot write \(path): \(error.localizedDescription); give another --counters")
        }
    }

    private static func mode(_ mode: Echo.Mode) -> ThreadServer.Mode {
        switch mode {
        case .echo, .udp: .echo
        case .packet: .packet
        case .broadcast: .broadcast
        }
    }
}
