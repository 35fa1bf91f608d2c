// SPDX-License-Identifier: Apache-2.0

import Glibc
import Gori
import Overlapped
import Testing
import Wire

/// Hello, welcome, and what ends a session before or instead of them.
@Suite struct OpeningTests {
    private func echo(_ server: Server<Nothing>) {
        server.on(Say.self) { say, session, _ in session.send(Heard(say.number, size: say.size)) }
    }

    @Test("hello is answered with welcome, and then packets go both ways")
    func welcome() throws {
        let server = try TestServer { echo($0) }
        let client = try server.connect()
        let welcome = try client.open()
        #expect(welcome.heartbeat == 10_000)
        #expect(welcome.maximumPacket == 16_384)
        for number in UInt32(0)..<100 {
            try client.send(Say(number, size: UInt16(number * 100)))
            #expect(try client.next(Heard.self) == Heard(number, size: UInt16(number * 100)))
        }
        try client.send(Goodbye(reason: .leaving, text: ""))
        #expect(client.end() == Client.End(reason: .leaving, text: "bye"))
    }

    @Test("hello and the first packets may come in one piece, or byte by byte")
    func pieces() throws {
        let server = try TestServer { echo($0) }
        let hello = Hello(version: Client.version.version, fingerprint: Client.version.fingerprint)
        let together = try server.connect()
        try together.send(raw: together.bytes(of: hello) + together.bytes(of: Say(1)) + together.bytes(of: Say(2)))
        _ = try together.next(Welcome.self)
        #expect(try together.next(Heard.self).number == 1)
        #expect(try together.next(Heard.self).number == 2)
        let slow = try server.connect()
        for byte in slow.bytes(of: hello) + slow.bytes(of: Say(3, size: 10)) { try slow.send(raw: [byte]) }
        _ = try slow.next(Welcome.self)
        #expect(try slow.next(Heard.self) == Heard(3, size: 10))
    }

    @Test("anything but a hello in the first place ends the session as helloExpected")
    func helloExpected() throws {
        let ledger = Ledger()
        let server = try TestServer { server in
            server.on(Say.self) { _, _, _ in ledger.note("say") }
            server.onOpen { _, _ in ledger.note("open") }
            server.onClose { _, _, _ in ledger.note("close") }
        }
        let first: [(Client) throws -> Void] = [
            { try $0.send(Say(1)) }, { try $0.send(Ping(token: 1)) }, { try $0.send(Pong(token: 1, time: 2)) },
            { try $0.send(raw: [4, 0, 1, 0]) }, { try $0.send(raw: [4, 0, 0xFF, 0xFF]) },
            // A hello with something left over.
            {
                try $0.send(
                    raw: [17, 0, 1, 0] + $0.bytes(of: Hello(version: 3, fingerprint: 0xF1F2)).dropFirst(4) + [0])
            },
        ]
        for send in first {
            let client = try server.connect()
            try send(client)
            try client.send(Say(2))
            let end = client.end()
            #expect(end.reason == .helloExpected)
            #expect(end.failure == 0)
        }
        #expect(ledger.all.isEmpty)
    }

    @Test("a hello above 64 bytes, or a size that cannot be, ends the session at once")
    func malformedHello() throws {
        let server = try TestServer { echo($0) }
        for bytes: [UInt8] in [[65, 0, 1, 0], [3, 0], [0, 0, 0, 0], [0xFF, 0xFF, 1, 0]] {
            let client = try server.connect()
            try client.send(raw: bytes)
            let end = client.end()
            #expect(end.reason == .malformed || end.reason == .helloExpected)
            #expect(end.failure == 0)
        }
    }

    @Test("another version or fingerprint is told which versions there are")
    func updateNeeded() throws {
        let server = try TestServer { echo($0) }
        for hello in [
            Hello(version: 9, fingerprint: Client.version.fingerprint), Hello(version: 3, fingerprint: 1),
            Hello(version: 3, fingerprint: Client.version.fingerprint, format: 1),
        ] {
            let client = try server.connect()
            try client.send(hello)
            let end = client.end()
            #expect(end.reason == .updateNeeded)
            #expect(end.text.contains("\(hello.version)") && end.text.contains("3"))
            #expect(end.failure == 0)
        }
    }

    @Test("a second hello is a violation, not a new session")
    func secondHello() throws {
        let server = try TestServer { echo($0) }
        let client = try server.open()
        try client.send(Hello(version: 3, fingerprint: Client.version.fingerprint))
        try client.send(Say(5))
        #expect(try client.next(Heard.self).number == 5)
    }

    @Test("who says no whole hello in time is told so, also one that drips")
    func helloTimeout() throws {
        var configuration = TestServer.configuration()
        configuration.helloTimeout = 150
        let server = try TestServer(configuration) { echo($0) }
        let start = MonotonicClock.now()
        let quiet = try server.connect()
        let dripping = try server.connect()
        let hello = dripping.bytes(of: Hello(version: 3, fingerprint: 1))
        for byte in hello.dropLast() {
            try? dripping.send(raw: [byte])
            if !dripping.isSilent(milliseconds: 30) { break }
        }
        #expect(dripping.end().reason == .helloTimeout)
        #expect(quiet.end() == Client.End(reason: .helloTimeout, text: "no hello came in time"))
        let elapsed = MonotonicClock.now() - start
        #expect(elapsed > 140_000_000 && elapsed < 3_000_000_000)
    }

    @Test("a rejected connection is reset")
    func reject() throws {
        let ledger = Ledger()
        let server = try TestServer { server in
            server.acceptPolicy { address in
                ledger.note("\(address.isLoopback)")
                return .reject
            }
            server.onOpen { _, _ in ledger.note("open") }
        }
        let client = try server.connect()
        #expect(client.end() == Client.End(failure: ECONNRESET))
        #expect(ledger.all == ["true"])
    }

    @Test("above the maximum of sessions newcomers are told full, whatever they had sent, and places come back")
    func full() throws {
        var configuration = TestServer.configuration()
        configuration.maximumSessions = 4
        configuration.workers = 1
        let server = try TestServer(configuration) { echo($0) }
        var clients = try (0..<4).map { _ in try server.open() }
        for hasSent in [false, true] {
            // The worker is held up, so that what the client sends lies there when it is refused.
            let (isHeld, isSent) = (Ledger(), Ledger())
            server.running.perform(on: 0, as: Nothing.self) { _, _ in
                isHeld.note("held")
                _ = isSent.wait { !$0.isEmpty }
            }
            #expect(isHeld.wait { !$0.isEmpty })
            let client = try server.connect()
            if hasSent {
                try client.send(Hello(version: 3, fingerprint: Client.version.fingerprint))
                try client.send(Say(1))
            }
            isSent.note("sent")
            let end = client.end()
            #expect(end.reason == .full)
            #expect(end.failure == 0, "an end of stream, not a reset")
        }
        clients.removeLast().close()
        let deadline = MonotonicClock.now() + 5_000_000_000
        while MonotonicClock.now() < deadline {
            if let client = try? server.open() {
                clients.append(client)
                break
            }
        }
        #expect(clients.count == 4)
        try clients[3].send(Say(7))
        #expect(try clients[3].next(Heard.self).number == 7)
    }

    @Test("without a session layer all types are the game's and nobody says hello")
    func noSessionLayer() throws {
        var configuration = TestServer.configuration()
        configuration.sessionLayer = .none
        configuration.framing = Framing(sizeWidth: .one, typeWidth: .one)
        let server = try TestServer(configuration) { server in
            server.onAnyPacket { packet, session, _ in session.send(raw: packet) }
        }
        let client = try Client(to: server.address, framing: configuration.framing)
        for type in UInt8(0)...20 {
            try client.send(raw: [3, type, 42])
            let whole = try client.next()
            #expect(whole?.type == PacketType(rawValue: UInt16(type)))
            #expect(whole?.body == [42])
        }
        try client.send(raw: [1, 1])
        #expect(client.end() == Client.End())
    }

    @Test("a port in use is an error, and another server's")
    func portInUse() throws {
        let server = try TestServer { echo($0) }
        var configuration = TestServer.configuration()
        configuration.addresses = [server.address]
        #expect(throws: PortError(call: "bind \(server.address)", code: EADDRINUSE)) {
            _ = try TestServer(configuration) { echo($0) }
        }
        let client = try server.open()
        try client.send(Say(1))
        #expect(try client.next(Heard.self).number == 1)
    }
}
