// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing

/// How much a turn over io_uring brings: what one call of the kernel does, and more when the caller asks for it.
@Suite struct DrainTests {
    private static let count = 200

    private struct Crowd {
        let rig: Rig<UringPort>
        let peers: [Peer]
        let streams: [Rig<UringPort>.Stream]
        var received: Int { streams.reduce(0) { $0 + $1.receivedCount } }
    }

    /// Streams that have brought a byte each, and one more each that waits.
    private static func begin() throws -> Crowd {
        let pairs = try PairMaker()
        let rig = try Rig(capacity: count) { try UringPort(capacity: $0, features: try UringPreflight.run()) }
        var peers: [Peer] = []
        var streams: [Rig<UringPort>.Stream] = []
        for slot in 0..<count {
            let (near, peer) = try pairs.make()
            streams.append(rig.add(near, slot: slot))
            peers.append(peer)
            try peer.send([0])
        }
        let crowd = Crowd(rig: rig, peers: peers, streams: streams)
        try rig.run("all bytes") { crowd.received == count }
        for peer in peers { try peer.send([1]) }
        return crowd
    }

    @Test("a turn goes on with what is there as long as it is asked to")
    func asked() throws {
        let crowd = try Self.begin()
        var brought: [Int] = []
        for round in 2...21 {
            try crowd.rig.turn()
            brought.append(crowd.received - (round - 1) * Self.count)
            try crowd.rig.run("all bytes") { crowd.received == round * Self.count }
            for peer in crowd.peers { try peer.send([UInt8(round)]) }
        }
        // A drain has 2 ms, which a busy machine may take away; without one no turn has them all.
        #expect(brought.contains(Self.count), "of \(Self.count) in one turn: \(brought)")
        crowd.rig.expectOrder()
    }

    @Test("a turn of which nothing is asked ends with what one call of the kernel brought")
    func notAsked() throws {
        let crowd = try Self.begin()
        crowd.rig.gathers = false
        try crowd.rig.turn()
        let first = crowd.received - Self.count
        #expect(first > 0)
        // Kernels before 6.13 bring everything at once.
        #expect(crowd.rig.port.gather(for: 0) == (first < Self.count))
        while let completion = crowd.rig.port.next() { crowd.rig.take(completion) }
        #expect(first == Self.count || crowd.received > Self.count + first)
        try crowd.rig.run("all bytes") { crowd.received == 2 * Self.count }
        crowd.rig.expectOrder()
    }
}
