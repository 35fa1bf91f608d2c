// SPDX-License-Identifier: Apache-2.0

import Glibc
import Gori
import Overlapped
import Testing
import Wire

/// Workers whose turn stalls are named in the log, and nobody else.
@Suite struct WatchdogTests {
    private func isReport(_ line: String) -> Bool { line.contains("stalls") || line.contains("goes on") }

    private static func processorTime() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }

    private func serve(_ ledger: Ledger, _ change: (inout ServerConfiguration) -> Void = { _ in }) throws -> TestServer
    {
        var configuration = TestServer.configuration()
        change(&configuration)
        return try TestServer(configuration) { server in
            server.onLog { ledger.note($0) }
            // Computes for so many milliseconds of its own processor time, or waits for so many.
            server.on(Say.self) { say, session, _ in
                let end = Self.processorTime() + Int(say.number)
                while Self.processorTime() < end {}
                session.send(Heard(say.number))
            }
            server.on(Slow.self) { slow, session, _ in
                var poller = pollfd(fd: -1, events: 0, revents: 0)
                _ = poll(&poller, 1, Int32(slow.number))
                session.send(Heard(slow.number))
            }
        }
    }

    @Test("a handler that computes for 100 ms is named with its packet type and session, once, and its end is told")
    func computing() throws {
        let ledger = Ledger()
        let server = try serve(ledger) { $0.stalledTurnWall = 0 }
        let client = try server.open()
        try client.send(Say(100))
        #expect(try client.next(Heard.self).number == 100)
        #expect(ledger.wait { $0.contains { $0.contains("goes on") } })
        let lines = ledger.all.filter(isReport)
        let id = SessionID(rawValue: client.session)
        #expect(lines.count == 2)
        #expect(lines.first?.contains("worker \(client.worker) stalls: in one turn for ") == true, "\(lines)")
        #expect(lines.first?.contains("handles a packet of type 20 of session \(id), for ") == true, "\(lines)")
        #expect(lines.last?.hasPrefix("worker \(client.worker) goes on: its turn took about ") == true, "\(lines)")
        client.close()
        server.stop()
    }

    @Test("a handler that waits for 400 ms is named by the clock, and waits are no processor time")
    func waiting() throws {
        let ledger = Ledger()
        let server = try serve(ledger)
        let client = try server.open()
        try client.send(Slow(400))
        #expect(try client.next(Heard.self).number == 400)
        #expect(ledger.wait { $0.contains { $0.contains("goes on") } })
        let lines = ledger.all.filter(isReport)
        #expect(lines.count == 2)
        #expect(lines.first?.contains("handles a packet of type 21") == true, "\(lines)")
        client.close()
        server.stop()
    }

    @Test("a turn that goes on is named again at 10 times the limit")
    func again() throws {
        let ledger = Ledger()
        let server = try serve(ledger) { $0.stalledTurnWall = 0 }
        let client = try server.open()
        try client.send(Say(400))
        #expect(try client.next(Heard.self).number == 400)
        #expect(ledger.wait { $0.contains { $0.contains("goes on") } })
        #expect(ledger.all.count { $0.contains("stalls") } == 2, "\(ledger.all)")
        client.close()
        server.stop()
    }

    @Test("a server with quick handlers, and one with nobody, names nobody", arguments: [0, 3_000])
    func quiet(_ packets: Int) throws {
        let ledger = Ledger()
        // Processor time alone: a machine that is busy with something else makes any turn long by the clock. And ten
        // times the default of that, because sanitizers make every turn dear.
        let server = try serve(ledger) { configuration in
            configuration.stalledTurnCPU *= 10
            configuration.stalledTurnWall = 0
        }
        let client = try server.open()
        for number in 0..<packets {
            try client.send(Say(0, size: UInt16(number % 100)))
            #expect(try client.next(Heard.self).number == 0)
        }
        // A stall that is named afterwards shows that the watchdog has looked.
        try client.send(Say(500))
        #expect(try client.next(Heard.self).number == 500)
        #expect(ledger.wait { $0.contains { $0.contains("goes on") } })
        #expect(ledger.all.count(where: isReport) == 2, "\(ledger.all)")
        client.close()
        server.stop()
    }

    @Test("with both limits off there is no watchdog")
    func off() throws {
        let ledger = Ledger()
        let server = try serve(ledger) { configuration in
            configuration.stalledTurnCPU = 0
            configuration.stalledTurnWall = 0
        }
        let client = try server.open()
        try client.send(Say(100))
        #expect(try client.next(Heard.self).number == 100)
        client.close()
        server.stop()
        #expect(!ledger.all.contains(where: isReport))
    }
}
