// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct FrameRingTests {
    @Test("a frame is not used again before every worker has settled it")
    func settles() {
        var ring = FrameRing(workers: 2)
        var taken: [Frame] = []
        for tick in UInt64(1)...8 { taken.append(ring.take(tick: tick)) }
        #expect(Set(taken.map(ObjectIdentifier.init)).count == 8 && ring.count == 8)
        ring.settle(worker: 0, through: 8)
        let ninth = ring.take(tick: 9)
        #expect(!taken.contains { $0 === ninth } && ring.count == 9)
        ring.settle(worker: 1, through: 3)
        let free = Set(taken.prefix(3).map(ObjectIdentifier.init))
        for tick in UInt64(10)...12 { #expect(free.contains(ObjectIdentifier(ring.take(tick: tick)))) }
        #expect(taken.dropFirst(3).map(\.tick) == [4, 5, 6, 7, 8])
        _ = ring.take(tick: 13)
        #expect(ring.count == 10)
    }

    @Test("what a worker settled does not come back when it says less later")
    func monotonic() {
        var ring = FrameRing(workers: 1)
        let first = ring.take(tick: 1)
        ring.settle(worker: 0, through: 1)
        ring.settle(worker: 0, through: 0)
        var again = false
        for tick in UInt64(2)...9 where ring.take(tick: tick) === first { again = true }
        #expect(again && ring.count == 8)
    }

    @Test("a region keeps to what the batches say, and bytes that are not settled stay as they are")
    func region() {
        let configuration = WorldConfiguration(width: 30, height: 30, moveIntervalMilliseconds: 0)
        var region = Region(configuration: configuration, workers: 1, capacity: 4)
        let batch = CommandBatch(worker: 0)
        let effects = EffectBatch()
        var frames: [(Frame, [UInt8])] = []
        for tick in UInt64(1)...30 {
            batch.removeAll()
            batch.enter(
                session: session(Int(tick)), number: 1, request: 1, object: UInt32(tick), character: 1, name: "x")
            batch.close(tick: tick, settledThrough: tick > 20 ? tick - 2 : 0)
            let frame = region.step(tick: tick, [batch], effects)
            if tick <= 20 {
                #expect(!frames.contains { $0.0 === frame })
                frames.append((frame, contents(of: frame)))
                for (frame, bytes) in frames { #expect(contents(of: frame) == bytes) }
            } else {
                #expect(frames.contains { $0.0 === frame })
            }
        }
    }
}
