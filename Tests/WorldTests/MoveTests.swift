// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct MoveTests {
    private let walker = session(1)

    private func world(interval: Int = 0, tick: Int = 50) -> TestWorld {
        TestWorld(
            WorldConfiguration(
                width: 40, height: 30, tickMilliseconds: tick, moveIntervalMilliseconds: interval, seed: 3))
    }

    private func codes(_ client: WorldClient) -> [UInt8] { client.moves.map(\.code) }

    @Test("all eight neighbours can be stepped to")
    func neighbours() throws {
        let world = world()
        world.place(walker, at: 20, 15)
        for (dx, dy) in [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)] {
            let before = try #require(world.entity(walker))
            world.move(walker, to: Int(before.x) + dx, Int(before.y) + dy)
            world.step()
            #expect(codes(world.client(walker)) == [0])
            let after = try #require(world.entity(walker))
            #expect(Int(after.x) == Int(before.x) + dx && Int(after.y) == Int(before.y) + dy)
        }
    }

    @Test("the same tile and tiles further away are refused, and the answer tells where the player stands")
    func notNeighbour() {
        let world = world()
        world.place(walker, at: 20, 15)
        for (x, y) in [(20, 15), (22, 15), (20, 17), (18, 13), (0, 0)] {
            world.move(walker, to: x, y, sequence: 9, clientTime: 10)
            world.step()
            let result = MoveResult(sequence: 9, clientTime: 10, code: .notNeighbour, x: 20, y: 15)
            #expect(world.client(walker).moves == [result])
        }
    }

    @Test("tiles outside of the map are refused, whatever the packet holds")
    func outside() {
        let world = world()
        world.place(walker, at: 39, 29)
        for (x, y) in [(40, 29), (39, 30), (65_535, 65_535), (65_535, 29), (0, 65_535), (40, 0)] {
            world.move(walker, to: x, y)
            world.step()
            #expect(codes(world.client(walker)) == [MoveCode.outsideMap.rawValue])
        }
        world.place(session(2), at: 0, 0)
        world.move(session(2), to: 65_535, 0)
        world.step()
        #expect(codes(world.client(session(2))) == [MoveCode.outsideMap.rawValue])
    }

    @Test("a step sooner than the interval is refused, one tick early is not, and being early gains nothing")
    func tooSoon() {
        let world = world(interval: 250)
        world.enter(walker)
        world.step()
        var accepted = 0
        for tick in 0..<1_000 {
            let entity = world.entity(walker)
            let x = Int(entity?.x ?? 0)
            let before = accepted
            world.move(walker, to: x == 0 ? 1 : x - 1, Int(entity?.y ?? 0))
            world.step()
            accepted += codes(world.client(walker)) == [0] ? 1 : 0
            if tick == 3 { #expect(accepted == 1 && before == 1) }
            if tick == 4 { #expect(accepted == 2) }
        }
        #expect(accepted == 200 || accepted == 201)
    }

    @Test(
        "a client that sends exactly every interval is never refused, at any length of a tick",
        arguments: [20, 33, 50, 100])
    func honest(tick: Int) {
        for phase in stride(from: 0, to: tick, by: 7) {
            let world = world(interval: 250, tick: tick)
            world.enter(walker)
            world.step()
            var next = 10 * tick + phase
            for step in 2..<400 {
                if next <= step * tick {
                    let entity = world.entity(walker)
                    let x = Int(entity?.x ?? 0)
                    world.move(walker, to: x == 0 ? 1 : x - 1, Int(entity?.y ?? 0))
                    next += 250
                }
                world.step()
                for move in world.client(walker).moves { #expect(move.code == 0) }
            }
        }
    }

    @Test("sequence and client time come back, in the order of the moves, also of several in one tick")
    func sequences() {
        let world = world()
        world.place(walker, at: 20, 15)
        world.move(walker, to: 21, 15, sequence: .max, clientTime: .max)
        world.move(walker, to: 22, 16, sequence: 0, clientTime: 0)
        world.move(walker, to: 30, 16, sequence: 7, clientTime: 8)
        world.step()
        #expect(
            world.client(walker).moves == [
                MoveResult(sequence: .max, clientTime: .max, code: .ok, x: 21, y: 15),
                MoveResult(sequence: 0, clientTime: 0, code: .ok, x: 22, y: 16),
                MoveResult(sequence: 7, clientTime: 8, code: .notNeighbour, x: 22, y: 16),
            ])
    }

    @Test("players may share a tile")
    func shared() {
        let world = world()
        world.place(walker, at: 20, 15)
        world.place(session(2), at: 20, 15)
        #expect(world.entity(walker)?.x == world.entity(session(2))?.x)
    }

    @Test("two steps of a tick that end where they began are told to nobody, and to a newcomer as one who stands there")
    func thereAndBack() {
        let world = world()
        world.place(walker, at: 20, 15)
        world.place(session(2), at: 22, 15)
        world.enter(session(3))
        world.step()
        world.move(walker, to: 21, 15)
        world.move(walker, to: 20, 15)
        let frame = world.step()
        #expect(frame.encodes == 0)
        #expect(world.client(session(2)).bytesThisTick == 0)
        let newcomer = world.client(session(3))
        let area = world.entity(session(3))?.subscription
        let inView = area?.contains(world.grid.sector(x: 20, y: 15)) ?? false
        #expect(newcomer.known.values.contains { $0.x == 20 && $0.y == 15 } == inView)
    }
}
