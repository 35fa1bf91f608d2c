// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// What is special about completions for several buffers; that such a port keeps the ten promises is the conformance
/// suite's.
@Suite struct BundleTests {
    private static func makePort(
        capacity: Int, buffers: Int = 0, without disabled: UringFeatures = [], isDirect: Bool = false
    ) throws -> UringPort {
        var sizes = UringSizes()
        sizes.buffers = buffers
        return try UringPort(
            capacity: capacity, features: try UringPreflight.run(disabled: disabled), directDescriptors: isDirect,
            techniques: .receiveBundles, sizes: sizes)
    }

    @Test(
        "bytes in several buffers come in one completion and in order, and every buffer goes back",
        arguments: [([], false), (.receiveLimit, false), (.all, false), ([], true)] as [(UringFeatures, Bool)])
    func inOrder(disabled: UringFeatures, isDirect: Bool) throws {
        let pairs = try PairMaker()
        let rig = try Rig { try Self.makePort(capacity: $0, without: disabled, isDirect: isDirect) }
        var dice = Dice(seed: 9)
        var peers: [Peer] = []
        let streams = try (0..<8).map { slot in
            let (near, peer) = try pairs.make()
            peers.append(peer)
            return rig.add(near, slot: slot)
        }
        var sent = [[UInt8]](repeating: [], count: streams.count)
        for _ in 0..<60 {
            for (index, peer) in peers.enumerated() {
                let bytes = dice.bytes(dice.within(1...40_000))
                sent[index] += bytes
                try peer.send(bytes)
            }
            try rig.turn()
        }
        try rig.run("all bytes") { zip(streams, sent).allSatisfy { $0.receivedCount == $1.count } }
        for (stream, bytes) in zip(streams, sent) { #expect(stream.bytes == bytes) }
        try rig.turn(0)
        #expect(rig.port.counters.receiveBundles > 100)
        #expect(!rig.port.features.contains(.incrementalBuffers))
        #expect(rig.port.lostBuffers ?? 0 == 0)
        rig.expectOrder()
    }

    @Test(
        "bundles that empty the ring lose nothing", arguments: [4, 8, 16], [[], .receiveLimit] as [UringFeatures])
    func emptied(buffers: Int, disabled: UringFeatures) throws {
        let (near, peer) = try PairMaker().make()
        let rig = try Rig { try Self.makePort(capacity: $0, buffers: buffers, without: disabled) }
        let stream = rig.add(near, slot: 0)
        var dice = Dice(seed: 10)
        var sent: [UInt8] = []
        for _ in 0..<20 {
            let bytes = dice.bytes(100_000)
            sent += bytes
            try peer.send(bytes)
            try rig.run("all bytes") { stream.receivedCount == sent.count }
        }
        #expect(stream.bytes == sent)
        #expect(rig.port.counters.receiveBundles > 0)
        try rig.turn(0)
        #expect(rig.port.lostBuffers ?? 0 == 0)
        rig.expectOrder()
    }

    @Test("a pause between two pieces of a bundle keeps the rest, and it comes before what follows")
    func pause() throws {
        let (near, peer) = try PairMaker().make()
        let rig = try Rig { try Self.makePort(capacity: $0) }
        let stream = rig.add(near, slot: 0)
        try rig.turn(0)
        var dice = Dice(seed: 11)
        var sent: [UInt8] = []
        var keptCount = 0
        for round in 0..<40 {
            let bytes = dice.bytes(16_000)
            sent += bytes
            try peer.send(bytes)
            var pieces = 0
            for _ in 0..<500 where pieces == 0 {
                try rig.turn { stream, _ in
                    pieces += 1
                    if pieces == 1 { rig.port.pause(stream.key) }
                    // Once in a while it goes on at once, in the middle of the same bundle.
                    if pieces == 1, round % 4 == 0 { rig.port.receive(stream.key) }
                }
            }
            if stream.receivedCount < sent.count, round % 4 != 0 {
                keptCount += 1
                let before = stream.receivedCount
                try rig.turn(1)
                #expect(stream.receivedCount == before, "paused is paused")
            }
            rig.port.receive(stream.key)
            try rig.run("all bytes") { stream.receivedCount == sent.count }
        }
        #expect(stream.bytes == sent)
        #expect(keptCount > 0)
        #expect(rig.port.counters.receiveBundles > 0)
        rig.expectOrder()
    }

    @Test("what a caller leaves of a bundle for a later turn is still there, as it was")
    func leftOver() throws {
        let (near, peer) = try PairMaker().make()
        var port = try Self.makePort(capacity: 4)
        try port.open()
        let key = CompletionKey(slot: 0, generation: 1)
        port.associate(near, key: key)
        port.receive(key)
        try port.wait(until: 0)
        var dice = Dice(seed: 12)
        let sent = dice.bytes(200_000)
        try peer.send(sent)
        var got: [UInt8] = []
        let deadline = MonotonicClock.now() + 10_000_000_000
        while got.count < sent.count, MonotonicClock.now() < deadline {
            try port.wait(until: MonotonicClock.now() + 20_000_000)
            // One completion a turn, whatever there is.
            guard let completion = port.next(), completion.kind == .received else { continue }
            got += port.bytes(of: completion.slice)
        }
        #expect(got == sent)
        #expect(port.counters.receiveBundles > 0)
    }

    @Test("a close between two pieces of a bundle drops the rest, and no buffer is lost")
    func close() throws {
        let pairs = try PairMaker()
        let rig = try Rig { try Self.makePort(capacity: $0, buffers: 16) }
        for generation in UInt32(1)...40 {
            let (near, peer) = try pairs.make()
            let stream = rig.add(near, slot: 1, generation: generation)
            try rig.turn(0)
            try peer.send([UInt8](repeating: 1, count: 16_000))
            var pieces = 0
            for _ in 0..<500 where stream.closed == 0 {
                try rig.turn { stream, _ in
                    pieces += 1
                    if pieces == 1 { rig.port.close(stream.key, hard: generation % 2 == 0) }
                }
            }
            #expect(pieces == 1, "nothing of a closed stream")
        }
        try rig.turn(0)
        #expect(rig.port.lostBuffers ?? 0 == 0)
        rig.expectOrder()
    }
}
