// SPDX-License-Identifier: Apache-2.0

// PING, ECHO, SET, GET, DEL and QUIT for Redis clients: a server of bytes that are not packets.
internal import ArgumentParser
internal import Foundation
internal import Gori
internal import Overlapped

struct KeyValue: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Keys and values in memory, for Redis clients.")

    @Option(help: "address:port, [v6]:port or :port.")
    var listen = "127.0.0.1:6380"

    @Option(help: "Threads that serve.")
    var workers = 1

    @Option(help: "Completion port: auto, uring or epoll.")
    var io = "auto"

    func run() throws {
        var configuration = ServerConfiguration()
        guard let address = SocketAddress(listen) else { throw ValidationError("--listen: '\(listen)' is no address") }
        guard let port = PortPreference(rawValue: io) else { throw ValidationError("--io: auto, uring or epoll") }
        guard (1...64).contains(workers) else { throw ValidationError("--workers: 1 to 64") }
        configuration.addresses = [address]
        configuration.workers = workers
        configuration.port = port
        // Whoever asks for much and does not read is not read either, long before this.
        configuration.backlogLimit = 64 << 20
        try serve(configuration)
    }

    private func serve(_ configuration: ServerConfiguration) throws {
        let store = KeyValueStore()
        let server = Server(configuration) { _ in [SessionID: Connection]() }
        server.onBytes { bytes, session, connections in
            connections[session.id, default: Connection()].take(bytes, session, store)
        }
        server.onClose { id, _, connections in connections[id] = nil }
        try server.run { running in
            // At once, also into a pipe.
            let lines = running.addresses.map { "listening \($0)\n" } + ["ready\n"]
            FileHandle.standardOutput.write(Data(lines.joined().utf8))
        }
    }
}

KeyValue.main()
