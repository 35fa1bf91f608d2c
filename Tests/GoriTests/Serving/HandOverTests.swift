// SPDX-License-Identifier: Apache-2.0

import Glibc
import Gori
import Overlapped
import Testing
import Wire

/// Sockets on their way from one worker to another when the server stops.
@Suite struct HandOverTests {
    /// Connects until some connections wait for worker 0, which is held up; those of worker 1 are closed again.
    private func queueForFirst(_ server: TestServer) throws -> [Client] {
        var waiting: [Client] = []
        for _ in 0..<50 where waiting.count < 3 {
            let client = try Client(to: server.address, seconds: 5)
            try client.send(Hello(version: Client.version.version, fingerprint: Client.version.fingerprint))
            if client.isSilent(milliseconds: 100) { waiting.append(client) }
        }
        return waiting
    }

    @Test("a socket handed to a worker that has drained already sees an end")
    func handOverToDrained() throws {
        let (ledger, isOver) = (Ledger(), Ledger())
        let server = try TestServer { server in
            server.on(Say.self) { _, _, _ in
                ledger.note("held up")
                _ = isOver.wait(seconds: 20) { !$0.isEmpty }
            }
            server.onClose { id, _, _ in ledger.note("closed on \(id.worker)") }
        }
        // Worker 0 has many sessions, worker 1 none, so the next sockets are handed over.
        var clients = try server.openOnBothWorkers(atLeast: 80)
        let onSecond = clients.count { $0.worker == 1 }
        clients.removeAll { $0.worker == 1 }
        #expect(ledger.wait { $0.count { $0 == "closed on 1" } == onSecond })
        try clients[0].send(Say(1))
        #expect(ledger.wait { $0.contains("held up") })
        let waiting = try queueForFirst(server)
        #expect(!waiting.isEmpty)
        server.running.stop()
        // Worker 1 has drained when it runs nothing any more.
        for number in 0..<1_000 {
            server.running.perform(on: 1, as: Nothing.self) { _, _ in ledger.note("alive \(number)") }
            var poller = pollfd(fd: -1, events: 0, revents: 0)
            _ = poll(&poller, 1, 5)
            guard ledger.wait(seconds: 1, for: { $0.contains("alive \(number)") }) else { break }
        }
        isOver.note("go on")
        for client in clients {
            #expect(client.end().reason == .shuttingDown)
            client.close()
        }
        for client in waiting { #expect(client.end().failure != EAGAIN, "forgotten") }
        server.stop()
    }
}
