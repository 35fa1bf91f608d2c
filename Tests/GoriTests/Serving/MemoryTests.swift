// SPDX-License-Identifier: Apache-2.0

import Glibc
import Gori
import Overlapped
import Testing
import Wire

/// What all sessions together may hold.
struct MemoryTests {
    @Test("above the limit those that hold the most end, and the others get everything")
    func limit() throws {
        var configuration = TestServer.configuration()
        configuration.workers = 1
        configuration.memoryLimit = 4 << 20
        configuration.backlogLimit = 64 << 20
        configuration.backlogHighWater = 64 << 20
        let room = Group(7)
        let ledger = Ledger()
        let server = try TestServer(configuration) { server in
            server.onLog { ledger.note($0) }
            server.onOpen { session, _ in session.join(room) }
            server.onClose { _, reason, _ in ledger.note("ended \(reason)") }
            server.on(Say.self) { say, session, _ in session.publish(Heard(say.number, size: 12_000), to: room) }
        }
        let reader = try server.open()
        let deaf = try (0..<8).map { _ in try server.open(receiveBuffer: 4_096) }
        for number in UInt32(0)..<1_000 {
            try reader.send(Say(number))
            #expect(try reader.next(Heard.self).number == number)
        }
        let counters = server.running.counters.workers
        #expect(counters.endedForMemory > 0 && counters.endedForMemory <= UInt64(deaf.count))
        #expect(counters.bytesHeld <= 8 << 20)
        #expect(ledger.wait { lines in lines.contains("ended \(EndReason.slowReader)") })
        #expect(ledger.all.contains { $0.contains("hold more than 4 MiB") })
    }

    @Test("a machine has memory")
    func machine() {
        #expect(MachineMemory.bytes > 64 << 20)
    }
}
