// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import Synchronization
internal import Wire

/// Servers that send back what comes, written with nothing but the public API.
enum EchoServer {
    /// No state is needed.
    struct Nothing {}

    static func make(_ mode: Echo.Mode, group: Int, _ base: ServerConfiguration) -> Server<Nothing> {
        var configuration = base
        configuration.sessionLayer = .none
        configuration.heartbeat = 0
        configuration.framing = Framing(maximumPacketSize: Framing.largestStandardPacket)
        // An echo's backlog is what its own client has sent and not read; reading pauses long before this.
        configuration.backlogLimit = 8 << 20
        let server = Server(configuration) { _ in Nothing() }
        server.onLog { Output.log($0) }
        switch mode {
        case .echo, .udp:
            server.onBytes { bytes, session, _ in session.send(raw: bytes) }
        case .packet:
            server.onAnyPacket { packet, session, _ in session.send(raw: packet) }
        case .broadcast:
            broadcast(server, size: group)
        }
        return server
    }

    /// Groups are formed in order of accept, over all workers.
    private static func broadcast(_ server: Server<Nothing>, size: Int) {
        let arrivals = Arrivals()
        server.onOpen { session, _ in
            let number = arrivals.next()
            let group = Group(size == 0 ? 0 : number / size)
            session.tag = group.rawValue
            session.join(group)
        }
        server.onAnyPacket { packet, session, _ in session.publish(raw: packet, to: Group(rawValue: session.tag)) }
    }
}

/// Counts sessions over all workers.
final class Arrivals: Sendable {
    private let count = Atomic<Int>(0)

    func next() -> Int { count.add(1, ordering: .relaxed).oldValue }
}
