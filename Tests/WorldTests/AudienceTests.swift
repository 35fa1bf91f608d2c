// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct AudienceTests {
    private let configuration = WorldConfiguration(
        width: 64, height: 64, moveIntervalMilliseconds: 0, seed: 5)

    @Test("a session gets its privates first, and nothing when nothing concerns it")
    func privatesFirst() {
        let world = TestWorld(configuration)
        world.place(session(1), at: 20, 20)
        world.place(session(2), at: 20, 21)
        world.step()
        world.step()
        #expect(world.client(session(1)).deliveries == 0)
        world.move(session(1), to: 21, 20)
        world.move(session(2), to: 21, 21)
        world.step()
        #expect(world.client(session(1)).moves.count == 1 && world.client(session(1)).deliveries == 1)
        #expect(world.client(session(1)).bytesThisTick == 21 + 2 * 12)
    }

    @Test("each worker's audience names its own sessions only")
    func workers() {
        let world = TestWorld(configuration, workers: 3)
        for worker in UInt8(0)..<3 {
            for slot in 0..<5 { world.enter(session(slot, worker: worker)) }
        }
        world.step()
        for client in world.clients.values { #expect(client.deliveries == 1 && client.entered.count == 1) }
        world.step()
        world.say(session(0, worker: 1), "hello")
        world.step()
        #expect(world.client(session(0, worker: 1)).results.count == 1)
    }

    @Test("the last worker's sessions are found up to the largest number")
    func lastWorker() {
        var region = Region(configuration: configuration, capacity: 1)
        var audience = Audience(worker: 255, configuration: configuration, capacity: 1)
        let batch = CommandBatch(worker: 0)
        let effects = EffectBatch()
        let top = UInt64(255) << 56
        for (number, session) in [UInt64.max, top, top - 1].enumerated() {
            batch.enter(
                session: session, number: 1, request: 1, object: UInt32(number), character: 0, name: "x")
        }
        batch.close(tick: 1, settledThrough: 0)
        audience.begin(region.step(tick: 1, [batch], effects))
        var named: Set<UInt64> = []
        audience.deliver { session, _, _ in named.insert(session) }
        #expect(named == [.max, top] && audience.count == 2)
    }

    @Test("subscriptions are all sectors that touch the widened view, at every border of the map")
    func areas() {
        for (width, height, radius) in [(64, 64, 7), (61, 19, 3), (5, 100, 12), (1, 1, 7), (40, 40, 1)] {
            let grid = SectorGrid(WorldConfiguration(width: width, height: height, viewRadius: radius))
            for y in 0..<height {
                for x in 0..<width {
                    let area = grid.area(x: UInt16(x), y: UInt16(y))
                    #expect(Int(area.left) == max(x - radius - 1, 0) / 8)
                    #expect(Int(area.right) == min(x + radius + 1, width - 1) / 8)
                    #expect(Int(area.top) == max(y - radius - 1, 0) / 8)
                    #expect(Int(area.bottom) == min(y + radius + 1, height - 1) / 8)
                    #expect(area.contains(grid.sector(x: UInt16(x), y: UInt16(y))) && !area.contains(.none))
                }
            }
        }
    }

    @Test("the frames of two regions make one output for a session, blocks in the order of the sectors")
    func twoFrames() {
        let configuration = WorldConfiguration(width: 8, height: 8)
        var first = Player(configuration, session: 1)
        var second = Player(configuration, session: 2)
        var audience = Audience(worker: 0, configuration: configuration, capacity: 4)
        var outputs: [UInt64: [UInt8]] = [:]
        for tick in UInt64(1)...4 {
            outputs.removeAll()
            audience.begin(first.speak(tick: tick))
            audience.begin(second.speak(tick: tick))
            audience.deliver { session, privates, blocks in
                #expect(outputs[session] == nil && privates.count == 1)
                for index in blocks.indices { outputs[session, default: []].append(contentsOf: blocks[index]) }
            }
        }
        // Both stand in the one sector of the map: each hears both.
        #expect(outputs.count == 2 && outputs[1] == outputs[2] && outputs[1]?.count == 2 * 13)
    }

    /// A region of one player who says something in every tick.
    private struct Player: ~Copyable {
        var region: Region
        let batch = CommandBatch(worker: 0)
        let effects = EffectBatch()
        let session: UInt64

        init(_ configuration: WorldConfiguration, session: UInt64) {
            region = Region(configuration: configuration, capacity: 1)
            self.session = session
        }

        mutating func speak(tick: UInt64) -> Frame {
            batch.removeAll()
            if tick == 1 {
                batch.enter(
                    session: session, number: 1, request: 1, object: UInt32(session), character: 0, name: "x")
            } else {
                batch.chat(session: session, number: UInt32(tick), Chat(request: 1, text: "hi"))
            }
            batch.close(tick: tick, settledThrough: tick - 1)
            return region.step(tick: tick, [batch], effects)
        }
    }
}
