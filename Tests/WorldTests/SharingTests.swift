// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct SharingTests {
    private let mover = session(1_000)

    /// A mover who walks over several borders of sectors, and viewers who stand around.
    private func encodes(viewers: Int) -> [Int] {
        let world = TestWorld(
            WorldConfiguration(width: 64, height: 64, moveIntervalMilliseconds: 0, seed: 4, spawnArea: 3))
        for slot in 0..<viewers { world.enter(session(slot)) }
        world.place(mover, at: 30, 30)
        world.step()
        world.step()
        return (0..<20).map { step in
            world.move(mover, to: 31 + step, 30 + step % 2)
            if step % 5 == 0 { world.say(mover, "step \(step)") }
            let frame = world.step()
            #expect(world.client(session(0)).bytesThisTick > 0 || 31 + step >= 40)
            return frame.encodes
        }
    }

    @Test("what a tick encodes depends on what happened and not on who looks")
    func viewers() {
        let one = encodes(viewers: 1)
        #expect(one == encodes(viewers: 200))
        #expect(one.contains(1) && one.contains(3))
    }

    @Test("two hundred who stand in one sector get the very same bytes")
    func sameBytes() {
        let configuration = WorldConfiguration(width: 64, height: 64, seed: 4, spawnArea: 8)
        var region = Region(configuration: configuration)
        var audience = Audience(worker: 0, configuration: configuration)
        let batch = CommandBatch(worker: 0)
        let effects = EffectBatch()
        for slot in 0..<200 {
            batch.enter(
                session: session(slot), number: 1, request: 1, object: UInt32(slot), character: 0, name: "x")
        }
        for tick in UInt64(1)...4 {
            for slot in 0..<200 where tick == 4 && slot % 20 == 0 {
                batch.chat(session: session(slot), number: 2, Chat(request: 1, text: "hello"))
            }
            batch.close(tick: tick, settledThrough: tick - 1)
            audience.begin(region.step(tick: tick, [batch], effects))
            batch.removeAll()
            var addresses: Set<UnsafeRawPointer> = []
            var pieces = 0
            audience.deliver { _, privates, blocks in
                for index in blocks.indices {
                    pieces += 1
                    if let address = blocks[index].baseAddress { addresses.insert(address) }
                }
            }
            // All stand in at most four sectors that all see, whose blocks lie in a row.
            if tick == 4 { #expect(pieces == 200 && addresses.count == 1) }
        }
    }

    @Test("blocks lie in the order of their sectors, one after the other, without a gap")
    func order() {
        let world = TestWorld(WorldConfiguration(width: 80, height: 80, moveIntervalMilliseconds: 0, seed: 1))
        var walk = RandomWalk(seed: 3, players: 80, workers: 1)
        for _ in 0..<60 {
            walk.act(in: world)
            let frame = world.step()
            var end: UInt32 = 0
            var last: UInt32 = 0
            for block in frame.blocks {
                #expect(block.range.offset == end && block.range.count > 0)
                #expect(last <= block.sector.rawValue)
                end = block.range.offset + block.range.count
                last = block.sector.rawValue
            }
        }
    }
}
