// SPDX-License-Identifier: Apache-2.0

import Gori
import Overlapped
import Synchronization
import Testing
import Wire

/// What spans sessions and workers: groups, packets to a session by its id, posts, and the balance between workers.
@Suite struct RoomTests {
    private static let room = Group(7)

    /// Everybody is in the room; what is said is heard by all, a whisper by one.
    private func serve(_ change: (inout ServerConfiguration) -> Void = { _ in }) throws -> TestServer {
        var configuration = TestServer.configuration()
        change(&configuration)
        return try TestServer(configuration) { server in
            server.onOpen { session, _ in session.join(Self.room) }
            server.on(Say.self) { say, session, _ in session.publish(Heard(say.number, size: say.size), to: Self.room) }
            server.on(Leave.self) { leave, session, _ in
                session.leave(Self.room)
                session.send(Heard(leave.number))
            }
            server.on(Whisper.self) { whisper, session, _ in
                session.send(Heard(whisper.number), to: SessionID(rawValue: whisper.session))
            }
        }
    }

    /// Waits until everybody hears everybody: joining is seen by other workers a moment later.
    private func settle(_ clients: [Client]) throws {
        for client in clients {
            let deadline = MonotonicClock.now() + 5_000_000_000
            var heard = 0
            while heard < clients.count, MonotonicClock.now() < deadline {
                try client.send(Say(UInt32.max, size: 1))
                heard = try clients.count { reader in
                    var count = 0
                    while !reader.isSilent(milliseconds: 5) {
                        guard try reader.next()?.type == Heard.type else { break }
                        count += 1
                    }
                    return count > 0
                }
            }
            #expect(heard == clients.count)
        }
        // What of it is still on its way is read away.
        for client in clients { while !client.isSilent(milliseconds: 30) { _ = try client.next() } }
    }

    @Test("what is published reaches every member on every worker once, one publisher's packets in order")
    func everybodyOnce() throws {
        let server = try serve()
        let clients = try server.openOnBothWorkers(atLeast: 8)
        try settle(clients)
        let count: UInt32 = 200
        for number in 0..<count {
            for (index, client) in clients.enumerated() {
                try client.send(Say(UInt32(index) << 16 | number, size: UInt16(number)))
            }
        }
        for reader in clients {
            var next = [UInt32](repeating: 0, count: clients.count)
            for _ in 0..<clients.count * Int(count) {
                let heard = try reader.next(Heard.self)
                let publisher = Int(heard.number >> 16)
                #expect(heard.number & 0xFFFF == next[publisher])
                next[publisher] += 1
            }
            #expect(next == [UInt32](repeating: count, count: clients.count))
        }
        for client in clients { #expect(client.isSilent(milliseconds: 20)) }
    }

    @Test("who leaves hears nothing any more, and a group without members is no error")
    func leaving() throws {
        let server = try serve()
        let clients = try server.openOnBothWorkers(atLeast: 4)
        try settle(clients)
        let leaver = clients[0]
        try leaver.send(Leave(1))
        #expect(try leaver.next(Heard.self).number == 1)
        try clients[1].send(Say(2))
        for client in clients.dropFirst() { #expect(try client.next(Heard.self).number == 2) }
        #expect(leaver.isSilent(milliseconds: 30))
        for client in clients.dropFirst() {
            try client.send(Leave(3))
            #expect(try client.next(Heard.self).number == 3)
        }
        try leaver.send(Say(4), Say(5))
        for client in clients { #expect(client.isSilent(milliseconds: 20)) }
    }

    @Test("a packet to a session finds it on any worker, in order, and nobody when it has ended")
    func whisper() throws {
        let server = try serve()
        let clients = try server.openOnBothWorkers(atLeast: 4)
        for client in clients { try client.send(Leave(0)) }
        for client in clients { _ = try client.next(Heard.self) }
        for sender in clients {
            for receiver in clients {
                for number in UInt32(0)..<50 { try sender.send(Whisper(receiver.session, number)) }
                for number in UInt32(0)..<50 { #expect(try receiver.next(Heard.self).number == number) }
            }
        }
        let gone = clients[1].session
        clients[1].close()
        let others = [clients[0]] + clients[2...]
        for sender in others {
            for wrong in [gone, UInt64.max, 5 << 56, gone ^ 1 << 40] { try sender.send(Whisper(wrong, 1)) }
            try sender.send(Whisper(sender.session, 2))
        }
        for client in others {
            #expect(try client.next(Heard.self).number == 2)
            #expect(client.isSilent(milliseconds: 10))
        }
    }

    @Test("batches posted between workers arrive in order, whatever the ring holds")
    func posts() throws {
        let ledger = Ledger()
        var configuration = TestServer.configuration()
        configuration.mailboxCapacity = 2
        let received = Atomic<Int>(0)
        let server = try TestServer(configuration) { server in
            server.onMessage { tag, batch, from, worker, _ in
                let number = UInt(bitPattern: batch)
                let expected = received.add(1, ordering: .relaxed).newValue
                if tag != 16 || from != 0 || worker.index != 1 || number != UInt(expected) {
                    ledger.note("\(tag) \(number) from \(from), \(expected) expected")
                }
                if number == 5_000 { ledger.note("last") }
            }
        }
        server.running.perform(on: 0, as: Nothing.self) { worker, _ in
            for number in UInt(1)...5_000 {
                guard let batch = UnsafeMutableRawPointer(bitPattern: number) else { continue }
                worker.post(tag: 16, batch, to: 1)
            }
        }
        #expect(ledger.wait { $0.contains("last") })
        #expect(ledger.all == ["last"])
    }

    @Test("a worker that has many more sessions than another hands new ones over")
    func balance() throws {
        let server = try serve { $0.maximumSessions = 1_000 }
        var clients: [Client] = []
        for _ in 0..<300 { clients.append(try server.open()) }
        let onFirst = clients.count { $0.worker == 0 }
        let onSecond = clients.count - onFirst
        let (least, most) = (min(onFirst, onSecond), max(onFirst, onSecond))
        #expect(most <= least + max(16, least / 4) + 8, "\(onFirst) and \(onSecond)")
    }

    @Test("after one worker has lost its sessions, newcomers even the balance out")
    func rebalance() throws {
        let server = try serve { $0.maximumSessions = 1_000 }
        var clients: [Client] = []
        for _ in 0..<200 { clients.append(try server.open()) }
        clients.removeAll { $0.worker == 1 }
        for _ in 0..<300 { clients.append(try server.open()) }
        let onFirst = clients.count { $0.worker == 0 }
        let onSecond = clients.count - onFirst
        #expect(onFirst <= onSecond + max(16, onSecond / 4) + 8, "\(onFirst) and \(onSecond)")
    }
}
