// SPDX-License-Identifier: Apache-2.0

import Gori
import Overlapped
import Testing
import Wire

/// Clients that send what they may not, too much of it, or nothing at all.
@Suite struct BehaviourTests {
    private func serve(_ change: (inout ServerConfiguration) -> Void) throws -> (TestServer, Ledger) {
        var configuration = TestServer.configuration()
        change(&configuration)
        let ledger = Ledger()
        let server = try TestServer(configuration) { server in
            server.on(Say.self, in: .lobby) { say, session, _ in session.send(Heard(say.number, size: say.size)) }
            server.on(Leave.self, in: .inWorld) { _, _, _ in ledger.note("leave") }
            server.onClose { _, reason, _ in ledger.note("\(reason)") }
        }
        return (server, ledger)
    }

    @Test("invalid packets are dropped alone and silently, until the budget is spent")
    func violations() throws {
        let (server, ledger) = try serve { $0.violationBudget = 6 }
        let client = try server.open()
        // Unknown type, wrong stage, too short, left over, a bad value, and a type of the session layer.
        let invalid: [[UInt8]] = [
            [4, 0, 0xFF, 0x7F], client.bytes(of: Leave(1)), [5, 0, 20, 0, 1],
            client.bytes(of: Say(1)).replacing(0, by: 11) + [0],
            client.bytes(of: Say(7, size: 3)).dropLast() + [8], [4, 0, 2, 0],
        ]
        for (index, bytes) in invalid.enumerated() {
            try client.send(raw: bytes)
            try client.send(Say(UInt32(index)))
            #expect(try client.next(Heard.self).number == UInt32(index))
        }
        try client.send(raw: invalid[0] + client.bytes(of: Say(99)))
        #expect(client.end() == Client.End(reason: .violations, text: "too many invalid packets"))
        #expect(ledger.wait { $0 == ["violations"] })
    }

    @Test("a size that cannot be ends the session as malformed, behind what was said before")
    func malformed() throws {
        let (server, ledger) = try serve { _ in }
        for bytes: [UInt8] in [[3, 0, 20, 0], [0, 0], [1, 0x40, 20, 0]] {
            let client = try server.open()
            try client.send(raw: client.bytes(of: Say(1)) + bytes + client.bytes(of: Say(2)))
            var heard: [UInt32] = []
            let end = client.end { whole in
                if let note = try? Client.decode(Heard.self, whole) { heard.append(note.number) }
            }
            #expect(heard == [1])
            #expect(end.reason == .malformed)
            #expect(end.failure == 0)
        }
        #expect(ledger.wait { $0 == ["malformed", "malformed", "malformed"] })
    }

    @Test("four pings a heartbeat are answered, more are violations and are not")
    func pings() throws {
        let (server, _) = try serve {
            $0.heartbeat = 60_000
            $0.violationBudget = 3
        }
        let client = try server.open()
        for token in UInt64(1)...4 {
            try client.send(Ping(token: token))
            #expect(try client.next(Pong.self).token == token)
        }
        for token in UInt64(5)...7 { try client.send(Ping(token: token)) }
        try client.send(Say(1))
        #expect(try client.next(Heard.self).number == 1)
        try client.send(Ping(token: 8))
        #expect(client.end().reason == .violations)
    }

    @Test("a quiet client is pinged every heartbeat, and lives while it answers")
    func heartbeat() throws {
        let (server, _) = try serve { $0.heartbeat = 150 }
        let client = try server.open()
        for _ in 0..<4 {
            let ping = try client.next(Ping.self)
            try client.send(Pong(token: ping.token, time: 0))
        }
        try client.send(Say(1))
        while true {
            guard let whole = try client.next() else {
                Issue.record("the session ended")
                break
            }
            if whole.type == Heard.type { break }
            #expect(whole.type == Ping.type)
        }
    }

    @Test("who says nothing for three heartbeats is ended as silent")
    func silent() throws {
        let (server, ledger) = try serve { $0.heartbeat = 60 }
        let client = try server.open()
        let start = MonotonicClock.now()
        var pings = 0
        let end = client.end { if $0.type == Ping.type { pings += 1 } }
        let elapsed = MonotonicClock.now() - start
        #expect(end.reason == .silent)
        #expect(end.failure == 0)
        #expect(pings >= 1)
        #expect(elapsed > 150_000_000 && elapsed < 3_000_000_000)
        #expect(ledger.wait { $0 == ["silent"] })
    }

    @Test("a packet once begun must be whole in time, also when it drips", arguments: [0, 10_000])
    func packetTimeout(heartbeat: Int) throws {
        let (server, ledger) = try serve {
            $0.packetTimeout = 150
            $0.heartbeat = heartbeat
        }
        let client = try server.open()
        let patient = try server.open()
        let start = MonotonicClock.now()
        let packet = client.bytes(of: Say(1, size: 200))
        for byte in packet.dropLast() where MonotonicClock.now() - start < 1_500_000_000 {
            guard (try? client.send(raw: [byte])) != nil, client.isSilent(milliseconds: 30) else { break }
        }
        let elapsed = MonotonicClock.now() - start
        #expect(elapsed > 140_000_000 && elapsed < 1_400_000_000, "ended in time")
        guard elapsed < 1_400_000_000 else { return }
        #expect(client.end().reason == .malformed)
        #expect(ledger.wait { $0 == ["malformed"] })
        try patient.send(Say(2))
        #expect(try patient.next(Heard.self).number == 2, "who begins nothing may be as slow as he likes")
    }

    @Test("many whole packets sent slowly in odd pieces are no begun packet")
    func oddPieces() throws {
        let (server, _) = try serve { $0.packetTimeout = 600 }
        let client = try server.open()
        let stream = (0..<40).flatMap { client.bytes(of: Say(UInt32($0), size: 5)) }
        // Each piece ends inside of a packet, and each brings the end of the one before.
        for start in stride(from: 0, to: stream.count, by: 20) {
            try client.send(raw: Array(stream[start..<min(stream.count, start + 20)]))
            _ = client.isSilent(milliseconds: 40)
        }
        for number in UInt32(0)..<40 { #expect(try client.next(Heard.self).number == number) }
    }

    @Test("a timer fires once, not before its time, and can be moved and taken back")
    func timers() throws {
        let ledger = Ledger()
        let server = try TestServer { server in
            server.on(Say.self) { say, session, _ in
                session.tag = UInt64(say.number)
                session.setTimer(milliseconds: Int(say.number))
                session.send(Heard(say.number))
            }
            server.onTimer { session, _ in
                ledger.note("\(session.tag)")
                session.send(Heard(1_000))
            }
        }
        let client = try server.open()
        let start = MonotonicClock.now()
        try client.send(Say(5_000), Say(100))
        for number: UInt32 in [5_000, 100, 1_000] { #expect(try client.next(Heard.self).number == number) }
        let elapsed = MonotonicClock.now() - start
        #expect(elapsed >= 100_000_000 && elapsed < 3_000_000_000)
        try client.send(Say(60), Say(0))
        for number: UInt32 in [60, 0] { #expect(try client.next(Heard.self).number == number) }
        #expect(client.isSilent(milliseconds: 150))
        #expect(ledger.all == ["100"])
    }
}

extension [UInt8] {
    fileprivate func replacing(_ index: Int, by byte: UInt8) -> [UInt8] {
        var copy = self
        copy[index] = byte
        return copy
    }
}
