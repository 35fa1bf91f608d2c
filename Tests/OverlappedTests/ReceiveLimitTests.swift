// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing

/// How much a stream of `UringPort` may bring before it queues up behind the others: more, once it has brought little
/// in each of many turns; that nobody is starved by the others is the conformance suite's.
@Suite struct ReceiveLimitTests {
    private static func makePort(capacity: Int) throws -> UringPort {
        try UringPort(capacity: capacity, features: try UringPreflight.run())
    }

    /// Sends so many pieces of 1 KiB, each of which has a turn of its own.
    private static func bring(_ pieces: Int, _ rig: Rig<UringPort>, _ peer: Peer, _ stream: Rig<UringPort>.Stream)
        throws
    {
        let piece = [UInt8](repeating: 1, count: 1_024)
        for _ in 0..<pieces {
            let before = stream.receivedCount
            try peer.send(piece)
            try rig.run("a piece") { stream.receivedCount == before + piece.count }
        }
    }

    @Test("a stream that brings little in a turn is armed once for 128 KiB, in a crowd as well", arguments: [1, 200])
    func modest(streams: Int) throws {
        let pairs = try PairMaker()
        let rig = try Rig(capacity: streams) { try Self.makePort(capacity: $0) }
        var crowd: [Peer] = []
        for slot in 1..<streams {
            let (near, peer) = try pairs.make()
            rig.add(near, slot: slot)
            crowd.append(peer)
        }
        let (near, peer) = try pairs.make()
        let stream = rig.add(near, slot: 0)
        stream.keepsBytes = false
        // At most 64 KiB, then 128 KiB.
        try Self.bring(64, rig, peer, stream)
        let before = rig.port.counters.submissions
        try Self.bring(1_024, rig, peer, stream)
        #expect(rig.port.counters.submissions - before <= 9, "1 MiB")
        rig.expectOrder()
    }

    @Test("a stream that was modest and becomes greedy brings 128 KiB at once, and then 64 KiB a turn")
    func greedy() throws {
        guard try UringPreflight.run().contains(.receiveLimit) else { return }
        let rig = try Rig(capacity: 1) { try Self.makePort(capacity: $0) }
        let (near, peer) = try PairMaker().make()
        let stream = rig.add(near, slot: 0)
        stream.keepsBytes = false
        try Self.bring(64, rig, peer, stream)
        let block = [UInt8](repeating: 2, count: 1 << 20)
        var sent = 0
        /// Returns whether the socket took any.
        func fill() -> Bool {
            let count = block.withUnsafeBytes { peer.sendSome(UnsafeRawBufferPointer(rebasing: $0[sent...])) ?? 0 }
            sent += count
            return count > 0
        }
        var turns: [Int] = []
        let start = stream.receivedCount
        while stream.receivedCount - start < block.count, turns.count < 1_000 {
            while sent < block.count, sent - (stream.receivedCount - start) < 131_072, fill() {}
            let before = stream.receivedCount
            try rig.turn()
            turns.append(stream.receivedCount - before)
        }
        #expect(stream.receivedCount - start == block.count)
        #expect(turns.allSatisfy { $0 <= 131_072 })
        // A machine that is slow to bring the bytes may make it look modest for once.
        #expect(turns.count { $0 > 65_536 } <= 2, "\(turns)")
        rig.expectOrder()
    }
}
