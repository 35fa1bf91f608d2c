// SPDX-License-Identifier: Apache-2.0

import Gori
import Overlapped
import Testing
import Wire

/// Handlers in two parts.
@Suite struct SlowPartTests {
    private struct Refused: Error {}

    /// `Slow` waits at the gate; 13 throws, and an answer is 1000 more than its question.
    private func serve(
        _ gate: Gate, _ ledger: Ledger, busy: Bool = false, _ change: (inout ServerConfiguration) -> Void = { _ in }
    ) throws -> TestServer {
        var configuration = TestServer.configuration()
        change(&configuration)
        return try TestServer(configuration) { server in
            server.on(Say.self) { say, session, _ in session.send(Heard(say.number, size: say.size)) }
            let slow: @Sendable (Slow, SessionID) async throws -> UInt32 = { slow, _ in
                ledger.note("begins \(slow.number)")
                await gate.pass()
                if slow.number == 13 { throw Refused() }
                return slow.number
            }
            let then: @Sendable (UInt32, Session, inout Nothing) -> Void = { number, session, _ in
                ledger.note("ends \(number)")
                session.send(Heard(number + 1_000))
            }
            if busy {
                server.on(
                    Slow.self, async: slow,
                    busy: { slow, session, _ in session.send(Heard(slow.number + 500)) }, then: then)
            } else {
                server.on(Slow.self, async: slow, then: then)
            }
            server.onClose { _, reason, _ in ledger.note("closed \(reason)") }
        }
    }

    @Test("while a slow part runs the session's later packets wait, those of others do not")
    func order() throws {
        let (gate, ledger) = (Gate(), Ledger())
        let server = try serve(gate, ledger)
        let client = try server.open()
        let other = try server.open()
        try client.send(Say(1))
        try client.send(Slow(2))
        try client.send(Say(3), Say(4, size: 5_000))
        #expect(try client.next(Heard.self).number == 1)
        #expect(ledger.wait { $0 == ["begins 2"] })
        try client.send(Say(5))
        try other.send(Say(77))
        #expect(try other.next(Heard.self).number == 77)
        #expect(client.isSilent(milliseconds: 50))
        gate.open()
        #expect(try client.next(Heard.self).number == 1_002)
        #expect(try client.next(Heard.self).number == 3)
        #expect(try client.next(Heard.self) == Heard(4, size: 5_000))
        #expect(try client.next(Heard.self).number == 5)
    }

    @Test("a packet that came in two pieces has not begun any more while its slow part runs")
    func inTwoPieces() throws {
        let (gate, ledger) = (Gate(), Ledger())
        let server = try serve(gate, ledger) { $0.packetTimeout = 150 }
        let client = try server.open()
        let packet = client.bytes(of: Slow(2))
        try client.send(raw: Array(packet.dropLast()))
        #expect(client.isSilent(milliseconds: 50))
        try client.send(raw: Array(packet.suffix(1)))
        #expect(ledger.wait { $0 == ["begins 2"] })
        #expect(client.isSilent(milliseconds: 600), "neither an answer nor an end")
        gate.open()
        #expect(try client.next(Heard.self).number == 1_002)
    }

    @Test("many slow parts in a row, with packets cut everywhere, keep the order")
    func longRow() throws {
        let (gate, ledger) = (Gate(), Ledger())
        gate.open()
        let server = try serve(gate, ledger)
        let client = try server.open()
        var stream: [UInt8] = []
        var expected: [UInt32] = []
        for number in UInt32(0)..<300 {
            if number % 3 == 0, number != 13 {
                stream += client.bytes(of: Slow(number))
                expected.append(number + 1_000)
            } else {
                stream += client.bytes(of: Say(number, size: UInt16(number)))
                expected.append(number)
            }
        }
        var dice = Dice(seed: 1)
        var offset = 0
        while offset < stream.count {
            let end = min(stream.count, offset + dice.within(1...700))
            try client.send(raw: Array(stream[offset..<end]))
            offset = end
        }
        for number in expected { #expect(try client.next(Heard.self).number == number) }
    }

    @Test("more input than may wait is left in the socket, and is not lost")
    func flood() throws {
        let (gate, ledger) = (Gate(), Ledger())
        let server = try serve(gate, ledger)
        let client = try server.open()
        try client.send(Slow(1))
        #expect(ledger.wait { $0 == ["begins 1"] })
        let flood = Background { [client = Pipe(client)] in
            for number in UInt32(0)..<200 { try? client.value.send(Say(number, size: 10_000)) }
        }
        #expect(client.isSilent(milliseconds: 50))
        gate.open()
        #expect(try client.next(Heard.self).number == 1_001)
        for number in UInt32(0)..<200 { #expect(try client.next(Heard.self).number == number) }
        flood.join()
    }

    /// One thread writes to a client while another reads from it.
    private final class Pipe: @unchecked Sendable {
        let value: Client
        init(_ value: Client) { self.value = value }
    }

    @Test("a slow part that throws ends its session as failed")
    func throwing() throws {
        let (gate, ledger) = (Gate(), Ledger())
        gate.open()
        let server = try serve(gate, ledger)
        let client = try server.open()
        try client.send(Slow(13), Slow(1))
        let end = client.end()
        #expect(end.reason == .failed)
        #expect(end.failure == 0)
        #expect(ledger.wait { $0 == ["begins 13", "closed failed"] })
    }

    @Test("a slow part that takes too long ends its session, and its second part never runs")
    func timeout() throws {
        let (gate, ledger) = (Gate(), Ledger())
        let server = try serve(gate, ledger) { $0.slowPartTimeout = 100 }
        let client = try server.open()
        let start = MonotonicClock.now()
        try client.send(Slow(1))
        let end = client.end()
        let elapsed = MonotonicClock.now() - start
        #expect(end.reason == .handlerTimedOut)
        #expect(elapsed > 90_000_000 && elapsed < 3_000_000_000)
        gate.open()
        let next = try server.open()
        try next.send(Slow(2))
        #expect(try next.next(Heard.self).number == 1_002)
        #expect(ledger.all == ["begins 1", "closed handlerTimedOut", "begins 2", "ends 2"])
    }

    @Test("the second part does not run when the session has ended meanwhile, nor for its successor")
    func endedMeanwhile() throws {
        let (gate, ledger) = (Gate(), Ledger())
        let server = try serve(gate, ledger) { $0.workers = 1 }
        let client = try server.open()
        try client.send(Slow(1))
        #expect(ledger.wait { $0 == ["begins 1"] })
        client.reset()
        #expect(ledger.wait { $0.contains("closed disconnected") })
        let successor = try server.open()
        gate.open()
        try successor.send(Slow(2))
        #expect(try successor.next(Heard.self).number == 1_002)
        #expect(!ledger.all.contains("ends 1"))
    }

    @Test(
        "above the limit of slow parts a packet is answered busy, or ends its session as full",
        arguments: [true, false])
    func busy(hasAnswer: Bool) throws {
        let (gate, ledger) = (Gate(), Ledger())
        let server = try serve(gate, ledger, busy: hasAnswer) {
            $0.workers = 1
            $0.maximumSlowParts = 2
        }
        let clients = try (0..<2).map { _ in try server.open() }
        for client in clients { try client.send(Slow(1)) }
        #expect(ledger.wait { $0.count == 2 })
        let third = try server.open()
        try third.send(Slow(3))
        if hasAnswer {
            #expect(try third.next(Heard.self).number == 503)
        } else {
            #expect(third.end().reason == .full)
        }
        gate.open()
        for client in clients { #expect(try client.next(Heard.self).number == 1_001) }
        if hasAnswer {
            try third.send(Slow(4))
            #expect(try third.next(Heard.self).number == 1_004)
        }
    }

    @Test("a handler that has looked at its state may start a slow part, one at a time")
    func startedByHand() throws {
        let (gate, ledger) = (Gate(), Ledger())
        let server = try TestServer { server in
            server.on(Slow.self) { slow, session, _ in
                let hasStarted = session.start(
                    with: Nothing.self,
                    async: {
                        await gate.pass()
                        return slow.number
                    }, then: { number, session, _ in session.send(Heard(number + 1_000)) })
                let hasStartedAnother = session.start(
                    with: Nothing.self, async: { 0 }, then: { _, session, _ in session.send(Heard(7)) })
                ledger.note("\(hasStarted) \(hasStartedAnother)")
            }
            server.on(Say.self) { say, session, _ in session.send(Heard(say.number, size: say.size)) }
        }
        let client = try server.open()
        try client.send(Slow(1))
        try client.send(Say(2))
        #expect(ledger.wait { $0 == ["true false"] })
        #expect(client.isSilent(milliseconds: 50))
        gate.open()
        #expect(try client.next(Heard.self).number == 1_001)
        #expect(try client.next(Heard.self).number == 2)
    }
}
