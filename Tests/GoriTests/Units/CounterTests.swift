// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Platform
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

    @Test("what is counted while it happens has the name under which it is told")
    func places() {
        let pages = CounterPages(workerCount: 1)
        let counts = Mirror(reflecting: WorkerCounters()).children.compactMap(\.label)
        let live = pages.counts(of: 0)
        live.pointee.accepted &+= 1
        live.pointee.sessions.set(2)
        live.pointee.bytesReceived &+= 3
        live.pointee.packets &+= 4
        live.pointee.violations &+= 5
        live.pointee.sends &+= 6
        live.pointee.bytesSent &+= 7
        live.pointee.bytesBacklogged &+= 8
        live.pointee.slowReaders &+= 9
        live.pointee.endedForMemory &+= 10
        live.pointee.silent &+= 11
        live.pointee.turns &+= 12
        live.pointee.encodeFailures &+= 13
        live.pointee.heapBlocks.set(14)
        live.pointee.refusedWaiting &+= 15
        live.pointee.bytesHeld.set(16)
        #expect(pages.total.workers.named.map(\.value) == (1...counts.count).map { UInt64($0) })
    }

    @Test("pages add up over workers, and over their ports")
    func sums() throws {
        let pages = CounterPages(workerCount: 3)
        for worker in 0..<3 {
            let counts = pages.counts(of: worker)
            counts.pointee.bytesHeld.set(1_000)
            counts.pointee.accepted &+= 4
            counts.pointee.accepted &+= 6
            counts.pointee.bytesHeld.set(7)
        }
        // The third worker has no port yet.
        var asked: UInt64 = 0
        for worker in 0..<2 {
            var port = try EpollPort(capacity: 1)
            try port.open()
            for _ in 0...worker { try port.wait(until: 1) }
            pages.setPort(port.counterMemory, of: worker)
            asked += port.counters.systemCalls
        }
        // The ports are gone, what they have counted is not.
        let total = pages.total
        #expect(total.port.systemCalls == asked && asked >= 3)
        #expect(total.workers.accepted == 30)
        #expect(total.workers.bytesHeld == 21)
        #expect(total.json.hasPrefix("{\"port\":{\"systemCalls\":\(asked),"))
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
        // How many sessions there are is told at the end of a turn, so after the answer has gone out.
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
