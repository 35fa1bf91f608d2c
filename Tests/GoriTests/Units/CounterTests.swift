// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

@testable import Gori

/// Counters of workers, as any thread may read them.
struct CounterTests {
    @Test("every count has a name, and nothing but counts is in there")
    func named() {
        let port = PortCounters()
        let worker = WorkerCounters()
        #expect(Mirror(reflecting: port).children.map(\.label) == port.named.map(\.name))
        #expect(Mirror(reflecting: worker).children.map(\.label) == worker.named.map(\.name))
        #expect(Mirror(reflecting: port).children.allSatisfy { $0.value is UInt64 })
        #expect(Mirror(reflecting: worker).children.allSatisfy { $0.value is UInt64 })
    }

    @Test("pages add up over workers, whatever was stored before")
    func sums() {
        let pages = CounterPages(workerCount: 3)
        for worker in 0..<3 {
            var port = PortCounters()
            var counters = WorkerCounters()
            port.systemCalls = 1_000
            counters.bytesHeld = 1_000
            pages.page(of: worker).store(port, counters)
            port.systemCalls = UInt64(worker) + 1
            port.stale = 5
            counters.accepted = 10
            counters.bytesHeld = 7
            pages.page(of: worker).store(port, counters)
        }
        let total = pages.total
        #expect(total.port.systemCalls == 6)
        #expect(total.port.stale == 15)
        #expect(total.workers.accepted == 30)
        #expect(total.workers.bytesHeld == 21)
        #expect(total.json.hasPrefix("{\"port\":{\"systemCalls\":6,"))
        #expect(total.json.hasSuffix("\"bytesHeld\":21}}"))
    }

    @Test("a running server is asked at any time, and once more when it has ended")
    func server() throws {
        let server = try TestServer { server in
            server.on(Say.self) { say, session, _ in session.send(Heard(say.number)) }
        }
        let clients = try server.openOnBothWorkers()
        for client in clients {
            try client.send(Say(7))
            #expect(try client.next(Heard.self).number == 7)
        }
        // A worker publishes what it has counted at the end of its turn, so after the answer has gone out.
        let deadline = MonotonicClock.now() + 10_000_000_000
        let count = UInt64(clients.count)
        var now = server.running.counters.workers
        while now.packets < 2 * count || now.sessions < count, MonotonicClock.now() < deadline {
            sched_yield()
            now = server.running.counters.workers
        }
        #expect(now.packets == 2 * count && now.accepted == count && now.sessions == count)
        server.stop()
        let last = server.running.counters
        #expect(last.workers.sessions == 0)
        #expect(last.port.systemCalls > 0 && last.port.completions > 0)
    }

    @Test("who falls silent is counted once")
    func silent() throws {
        var configuration = TestServer.configuration()
        configuration.sessionLayer = .none
        configuration.idleTimeout = 50
        let ledger = Ledger()
        let server = try TestServer(configuration) { server in
            server.onBytes { _, _, _ in }
            server.onClose { _, _, _ in ledger.note("closed") }
        }
        let clients = try (0..<60).map { _ in try server.connect() }
        #expect(ledger.wait { $0.count == clients.count })
        server.stop()
        #expect(server.running.counters.workers.silent == UInt64(clients.count))
    }
}
