// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// What is special about sockets that lie in the ring's table beside their descriptor; that they keep the ten promises
/// is the conformance suite's, which runs with and without.
@Suite struct RegisteredFileTests {
    private static func makePort(capacity: Int) throws -> UringPort {
        try UringPort(capacity: capacity, features: try UringPreflight.run())
    }

    @Test("a stream that closes leaves the table, and its peer hears of it while others receive")
    func closing() throws {
        guard try UringPreflight.run().contains(.registeredFiles) else { return }
        let pairs = try PairMaker()
        let rig = try Rig(capacity: 2) { try Self.makePort(capacity: $0) }
        // Its receive is in flight all the time.
        let (quiet, quietPeer) = try pairs.make()
        let stays = rig.add(quiet, slot: 0)
        for generation in UInt32(1)...20 {
            let (near, peer) = try pairs.make()
            let stream = rig.add(near, slot: 1, generation: generation)
            let byte = UInt8(generation)
            rig.send(stream.key, [byte])
            try rig.turn(0)
            #expect(try peer.receive(exactly: 1) == [byte])
            rig.port.close(stream.key, hard: generation % 2 == 0)
            try rig.run("closed") { stream.closed == 1 }
            // Hard: a reset instead of an end.
            if generation % 2 == 1 { #expect(try peer.receiveAll().isEmpty) }
        }
        rig.send(stays.key, [99])
        try rig.turn(0)
        #expect(try quietPeer.receive(exactly: 1) == [99])
        rig.port.close(stays.key, hard: false)
        try rig.run("closed") { stays.closed == 1 }
    }

    @Test("streams beyond the table, which is as large as the limit of open files, are named by their descriptors")
    func beyondTheTable() throws {
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        guard limit.rlim_cur < CompletionKey.slotLimit / 2 else { return }
        let last = Int(limit.rlim_cur)
        let pairs = try PairMaker()
        let rig = try Rig(capacity: last + 1) { try Self.makePort(capacity: $0) }
        for slot in [0, last - 1, last] {
            let (near, peer) = try pairs.make()
            let stream = rig.add(near, slot: slot)
            rig.send(stream.key, [7])
            try rig.turn(0)
            #expect(try peer.receive(exactly: 1) == [7])
            rig.port.close(stream.key, hard: false)
            try rig.run("closed") { stream.closed == 1 }
            #expect(try peer.receiveAll().isEmpty)
        }
    }

    @Test("without silent sends there is no table")
    func withoutSilentSends() throws {
        #expect(try !UringPreflight.run(disabled: .silentSend).contains(.registeredFiles))
    }
}
