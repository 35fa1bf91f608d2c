// SPDX-License-Identifier: Apache-2.0

import Glibc
import Gori
import Overlapped
import Testing
import Wire

/// Sessions whose sockets lie in the tables of the workers' rings.
@Suite struct DirectServerTests {
    private static let isPossible = (try? UringPreflight.run())?.contains(.directDescriptors) == true

    private func configuration() -> ServerConfiguration {
        var configuration = TestServer.configuration()
        configuration.port = .uring
        configuration.directDescriptors = true
        return configuration
    }

    @Test("a session knows its peer's address, hears goodbye, and gives its place back", .enabled(if: isPossible))
    func sessions() throws {
        let ledger = Ledger()
        var configuration = configuration()
        configuration.maximumSessions = 8
        let server = try TestServer(configuration) { server in
            server.onOpen { session, _ in ledger.note(session.address.map { "\($0)" } ?? "none") }
            server.on(Say.self) { say, session, _ in
                session.send(Heard(say.number, size: say.size))
                if say.number == 9 { session.end(.kicked) }
            }
        }
        #expect(server.running.hasDirectDescriptors)
        // More than there are places, so that each is used anew.
        for round in UInt32(0)..<20 {
            let clients = try (0..<4).map { _ in try server.open() }
            for (number, client) in clients.enumerated() {
                try client.send(Say(round * 10 + UInt32(number)))
                #expect(try client.next(Heard.self).number == round * 10 + UInt32(number))
                let name = SocketAddress(localOf: client.descriptor).map { "\($0)" } ?? ""
                #expect(ledger.wait { $0.contains(name) })
            }
            for client in clients {
                try client.send(Say(9))
                #expect(try client.next(Heard.self).number == 9)
                #expect(client.end().reason == .kicked)
            }
        }
    }

    @Test("where there are none the server serves with normal descriptors and says so")
    func without() throws {
        var configuration = configuration()
        configuration.disabledFeatures = .directDescriptors
        let server = try TestServer(configuration) { server in
            server.on(Say.self) { say, session, _ in session.send(Heard(say.number, size: say.size)) }
        }
        #expect(!server.running.hasDirectDescriptors)
        let client = try server.open()
        try client.send(Say(1))
        #expect(try client.next(Heard.self).number == 1)
    }
}
