// SPDX-License-Identifier: Apache-2.0

import Gori
import Testing
import Wire

/// A worker ends sessions, its own and those of others.
@Suite struct EndElsewhereTests {
    @Test("a session is ended from a handler of another, wherever both live, with the reason and once")
    func everywhere() throws {
        let ledger = Ledger()
        let targets = Targets()
        let server = try TestServer { server in
            server.on(Say.self) { say, session, _ in
                session.worker.end(targets[say.number], .replaced)
                session.worker.end(targets[say.number], .kicked)
                session.send(Heard(say.number))
            }
            server.onClose { _, reason, _ in ledger.note("\(reason)") }
        }
        let clients = try server.openOnBothWorkers(atLeast: 8)
        targets.set(clients.map { SessionID(rawValue: $0.session) })
        let speaker = try server.open()
        for (number, client) in clients.enumerated() {
            try speaker.send(Say(UInt32(number)))
            #expect(try speaker.next(Heard.self).number == UInt32(number))
            let end = client.end()
            #expect(end.reason == .replaced && end.failure == 0)
        }
        #expect(ledger.wait { $0.count == clients.count })
        // Nobody is there any more, and no such worker ever was.
        targets.set([SessionID(rawValue: clients[0].session), SessionID(rawValue: 63 << 56 | 1 << 32 | 1)])
        for number in UInt32(0)..<2 {
            try speaker.send(Say(number))
            #expect(try speaker.next(Heard.self).number == number)
        }
        #expect(ledger.all.allSatisfy { $0 == "replaced" } && ledger.all.count == clients.count)
    }

    /// Written by the test, read by handlers.
    private final class Targets: @unchecked Sendable {
        private let ledger = Ledger()
        func set(_ ids: [SessionID]) { ledger.note(ids.map { String($0.rawValue) }.joined(separator: " ")) }
        subscript(index: UInt32) -> SessionID {
            let words = ledger.all.last?.split(separator: " ") ?? []
            return SessionID(rawValue: words.indices.contains(Int(index)) ? UInt64(words[Int(index)]) ?? 0 : 0)
        }
    }
}
