// SPDX-License-Identifier: Apache-2.0

import Glibc
import Gori
import Overlapped
import Synchronization
import Testing
import Wire

/// How sessions end, for those who read and those who do not.
@Suite struct ClosingTests {
    @Test("a half close still gets its answers, then the end of stream", arguments: [0, 50, 3_000])
    func halfClose(size: UInt16) throws {
        let ledger = Ledger()
        let server = try TestServer { server in
            server.on(Say.self) { say, session, _ in session.send(Heard(say.number, size: say.size)) }
            server.onClose { _, reason, _ in ledger.note("\(reason)") }
        }
        let client = try server.open(receiveBuffer: size > 1_000 ? 4_096 : nil)
        for number in UInt32(0)..<60 { try client.send(Say(number, size: size)) }
        client.finishSending()
        var next: UInt32 = 0
        let end = client.end { whole in
            if let heard = try? Client.decode(Heard.self, whole), heard.number == next { next += 1 }
        }
        #expect(next == 60)
        #expect(end == Client.End())
        #expect(ledger.wait { $0 == ["disconnected"] })
    }

    @Test("who does not read is ended as slowReader; the other members of the group lose nothing", arguments: [1, 2])
    func slowReader(workers: Int) throws {
        let ledger = Ledger()
        let room = Group(1)
        var configuration = TestServer.configuration()
        configuration.workers = workers
        configuration.closeTimeout = 300
        let server = try TestServer(configuration) { server in
            server.onOpen { session, _ in session.join(room) }
            server.on(Say.self) { say, session, _ in session.publish(Heard(say.number, size: say.size), to: room) }
            server.onClose { id, reason, _ in ledger.note("\(id.rawValue) \(reason)") }
        }
        let slow = try server.open(receiveBuffer: 4_096)
        let reader = try server.open()
        let speaker = try server.open()
        // One worker may not know yet who else is in the room.
        for client in [reader, speaker] {
            try client.send(Say(0))
            while try reader.next(Heard.self).number != 0 {}
        }
        while !reader.isSilent(milliseconds: 50) { _ = try reader.next() }
        while !speaker.isSilent(milliseconds: 50) { _ = try speaker.next() }
        let isOver = { ledger.all.contains("\(slow.session) slowReader") }
        var number: UInt32 = 0
        let deadline = MonotonicClock.now() + 15_000_000_000
        while !isOver(), MonotonicClock.now() < deadline {
            number += 1
            try speaker.send(Say(number, size: 12_000))
            #expect(try reader.next(Heard.self) == Heard(number, size: 12_000))
            #expect(try speaker.next(Heard.self) == Heard(number, size: 12_000))
        }
        #expect(isOver())
        // Read late, it may see its goodbye or only the end, but nothing that is not whole and in order.
        var next: UInt32 = 1
        _ = slow.end { whole in
            if let heard = try? Client.decode(Heard.self, whole), heard.number != 0 {
                #expect(heard.number == next)
                next += 1
            }
        }
        #expect(next <= number + 1)
        try speaker.send(Say(number + 1))
        #expect(try reader.next(Heard.self).number == number + 1)
    }

    @Test("a large burst to a client that reads arrives whole and in order")
    func burst() throws {
        var configuration = TestServer.configuration()
        configuration.backlogLimit = 64 << 20
        let server = try TestServer(configuration) { server in
            server.on(Say.self) { say, session, _ in
                for number in 0..<say.number { session.send(Heard(number, size: UInt16(number % 3_000))) }
            }
        }
        let client = try server.open(receiveBuffer: 16_384)
        try client.send(Say(3_000))
        for number in UInt32(0)..<3_000 {
            #expect(try client.next(Heard.self) == Heard(number, size: UInt16(number % 3_000)))
        }
    }

    @Test("every session that was opened is closed exactly once, however it ends")
    func closedOnce() throws {
        let ledger = Ledger()
        var configuration = TestServer.configuration()
        configuration.violationBudget = 0
        let server = try TestServer(configuration) { server in
            server.onOpen { session, _ in ledger.note("open \(session.id.rawValue)") }
            server.onClose { id, _, _ in ledger.note("close \(id.rawValue)") }
            server.on(Leave.self) { _, session, _ in
                session.end(.kicked)
                session.end(.leaving)
                session.send(Heard(1))
            }
        }
        var dice = Dice(seed: 1)
        var opened: [UInt64] = []
        for round in 0..<300 {
            let client = try server.connect()
            if round % 10 == 9 {
                // Never opened: no hook at all.
                if dice.chance(50) { try client.send(Ping(token: 1)) }
                if dice.chance(50) { client.reset() }
                continue
            }
            try client.open()
            opened.append(client.session)
            switch round % 6 {
            case 0: client.close()
            case 1: client.reset()
            case 2: client.finishSending()
            case 3: try client.send(Leave(1), Leave(2))
            case 4: try client.send(raw: [0, 0, 0, 0])
            default: try client.send(raw: [4, 0, 0xFF, 0xFF, 0, 0])
            }
            if dice.chance(30) { try? client.send(Leave(3)) }
        }
        #expect(ledger.wait { $0.count { $0.hasPrefix("close") } >= opened.count })
        server.stop()
        let all = ledger.all
        #expect(all.filter { $0.hasPrefix("open") }.sorted() == opened.map { "open \($0)" }.sorted())
        #expect(all.filter { $0.hasPrefix("close") }.sorted() == opened.map { "close \($0)" }.sorted())
    }

    @Test("a drain says shuttingDown and an end of stream to everybody", arguments: [1, 2])
    func drain(workers: Int) throws {
        let ledger = Ledger()
        var configuration = TestServer.configuration()
        configuration.workers = workers
        // An address that no test beside uses: once free, its port could be another server's at once.
        configuration.addresses = [SocketAddress("127.83.77.\(workers):0")].compactMap { $0 }
        let server = try TestServer(configuration) { server in
            server.on(Say.self) { say, session, _ in session.send(Heard(say.number, size: say.size)) }
            server.onClose { _, reason, _ in ledger.note("\(reason)") }
        }
        let clients = try (0..<50).map { _ in try server.open() }
        let greeting = try server.connect()
        for (index, client) in clients.enumerated() where index % 3 == 0 {
            for number in UInt32(0)..<5 { try client.send(Say(number, size: 500)) }
        }
        let start = MonotonicClock.now()
        server.running.stop()
        for client in clients + [greeting] {
            let end = client.end()
            #expect(end == Client.End(reason: .shuttingDown, text: "the server is shutting down"))
            client.close()
        }
        server.running.join()
        #expect(MonotonicClock.now() - start < 4_000_000_000)
        #expect(ledger.all == [String](repeating: "shuttingDown", count: 50))
        #expect(throws: Client.Failure.self) { _ = try server.connect() }
        // Asking again is harmless.
        server.stop()
    }

    @Test("a drain ends in time although somebody neither reads nor closes")
    func stubbornDrain() throws {
        var configuration = TestServer.configuration()
        configuration.closeTimeout = 200
        configuration.drainTimeout = 1_000
        configuration.backlogLimit = 8 << 20
        let server = try TestServer(configuration) { server in
            server.on(Say.self) { _, session, _ in
                for number in UInt32(0)..<200 { session.send(Heard(number, size: 10_000)) }
            }
        }
        let clients = try (0..<4).map { _ in try server.open(receiveBuffer: 4_096) }
        for client in clients { try client.send(Say(1)) }
        let start = MonotonicClock.now()
        server.stop()
        let elapsed = MonotonicClock.now() - start
        #expect(elapsed < 5_000_000_000)
        for client in clients { client.close() }
    }

    @Test("a stream that a drain closes because time is up is not ended in order behind that")
    func closedForGood() throws {
        let notes = PortSpy.Notes()
        // A turn ends two of eight in order, so six still wait for their turn when time is up.
        let crowd = try CrowdOnPort(try PortSpy(capacity: 8, notes: notes), sessions: 8, slice: 2)
        crowd.drainAtOnce()
        for _ in 0..<16 where !crowd.isStopped { try crowd.step() }
        #expect(crowd.isStopped && notes.closed.count == 8)
        #expect(notes.finishedAfterClose.isEmpty)
    }

    /// A server that has taken many turns since it was told to stop, and is told again when it has ended.
    private static func stopTwice() throws {
        var configuration = TestServer.configuration()
        configuration.port = .epoll
        configuration.closeTimeout = 200
        let server = try TestServer(configuration) { server in server.every(milliseconds: 5) { _, _ in } }
        let client = try server.open()
        server.stop()
        client.close()
        // The numbers of the descriptors that the workers had, and more.
        let ends = try (0..<64).flatMap { _ in
            var ends: (Int32, Int32) = (-1, -1)
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            let result = withUnsafeMutablePointer(to: &ends) {
                $0.withMemoryRebound(to: Int32.self, capacity: 2) { socketpair(AF_UNIX, kind, 0, $0) }
            }
            guard result == 0 else { throw Client.Failure(what: "socketpair", code: errno) }
            return [ends.0, ends.1]
        }
        server.running.stop()
        for end in ends {
            var byte: UInt8 = 0
            let count = recv(end, &byte, 1, 0)
            guard count < 0, errno == EAGAIN else { throw Client.Failure(what: "a stray write", code: EIO) }
        }
    }

    @Test("a server that has ended is rung no more: its doorbells' descriptors are others' by then")
    func ringsNobody() async {
        // In a process of its own, where nobody else takes those descriptors.
        await #expect(processExitsWith: .success) { try ClosingTests.stopTwice() }
    }

    @Test("whoever connects while the server drains sees an end, and is not forgotten")
    func drainInAStorm() throws {
        for round in 0..<(TestLevel.isFull ? 100 : 15) {
            let server = try TestServer { server in
                server.on(Say.self) { say, session, _ in session.send(Heard(say.number)) }
            }
            let forgotten = Mutex<[String]>([])
            let seen = Atomic<Int>(0)
            let address = server.address
            let crowds = (0..<3).map { _ in
                Background {
                    var clients: [Client] = []
                    // Until the listeners are closed.
                    while let client = try? Client(to: address, seconds: 5) {
                        // Those around the drain matter; all could be more than the process has descriptors for.
                        if clients.count == 500 { clients.removeFirst().close() }
                        try? client.send(
                            Hello(version: Client.version.version, fingerprint: Client.version.fingerprint))
                        clients.append(client)
                        seen.add(1, ordering: .relaxed)
                    }
                    for client in clients {
                        let end = client.end()
                        if end.failure == EAGAIN { forgotten.withLock { $0.append("\(end)") } }
                    }
                }
            }
            while seen.load(ordering: .relaxed) < 20 + round * 10 { sched_yield() }
            server.stop()
            for crowd in crowds { crowd.join() }
            let all = forgotten.withLock { $0 }
            #expect(all.isEmpty, "round \(round), of \(seen.load(ordering: .relaxed))")
        }
    }

    // MARK: Many closes

    /// Clients that go on sending while they are ended, and strangers who come at full rate and hear nobody else.
    private final class Turmoil: @unchecked Sendable {
        let server: TestServer
        let count: Int
        private let next = Atomic<Int>(0)
        private let problems = Mutex<[String]>([])
        private let withBacklog = Atomic<Int>(0)

        init(_ server: TestServer, count: Int) {
            self.server = server
            self.count = count
        }

        var report: (problems: [String], withBacklog: Int) {
            (problems.withLock { Array($0.prefix(10)) }, withBacklog.load(ordering: .relaxed))
        }

        func run() {
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < count else { return }
                do { try visit(number) } catch { problems.withLock { $0.append("client \(number): \(error)") } }
            }
        }

        private func visit(_ number: Int) throws {
            let isHeavy = number % 10 == 0
            let client = try server.open(receiveBuffer: isHeavy ? 4_096 : nil)
            let mark = UInt32(truncatingIfNeeded: number)
            if isHeavy { try client.send(Say(mark, size: 30)) }
            // Asks for the end in the middle of its input.
            let chatter = (0..<10).flatMap { _ in client.bytes(of: Slow(mark, size: 500)) }
            try client.send(raw: chatter + client.bytes(of: Leave(mark)) + chatter)
            for _ in 0..<3 { try client.send(raw: chatter) }
            var foreign = 0
            var heard = 0
            let end = client.end { whole in
                heard += 1
                guard let note = try? Client.decode(Heard.self, whole), note.number == mark else {
                    foreign += 1
                    return
                }
            }
            if isHeavy, heard > 0 { withBacklog.add(1, ordering: .relaxed) }
            guard end.reason == .kicked, end.failure == 0, foreign == 0 else {
                problems.withLock { $0.append("client \(number): \(end), \(foreign) foreign of \(heard)") }
                return
            }
        }
    }

    @Test("thousands of closes with input still arriving and backlog: each reader gets goodbye and the end of stream")
    func manyCloses() throws {
        var configuration = TestServer.configuration()
        configuration.backlogLimit = 1 << 20
        let server = try TestServer(configuration) { server in
            server.on(Say.self) { say, session, _ in
                for _ in 0..<30 { session.send(Heard(say.number, size: 10_000)) }
            }
            server.on(Slow.self) { _, _, _ in }
            server.on(Leave.self) { _, session, _ in session.end(.kicked) }
        }
        let turmoil = Turmoil(server, count: TestLevel.isFull ? 10_000 : 1_000)
        let crowds = (0..<4).map { _ in Background { turmoil.run() } }
        for crowd in crowds { crowd.join() }
        let (problems, withBacklog) = turmoil.report
        #expect(problems.isEmpty)
        #expect(withBacklog > 0)
    }
}
