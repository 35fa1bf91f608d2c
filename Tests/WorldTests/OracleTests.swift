// SPDX-License-Identifier: Apache-2.0

import Testing
import World

/// A shape of the world in which random walks are checked against brute force.
struct Shape: Sendable, CustomTestStringConvertible {
    var width = 60
    var height = 60
    var view = 7
    var interval = 0
    var players = 40
    var workers = 1
    var regions = 1
    var monsters = 0
    var hushes = false

    var testDescription: String {
        "\(width)×\(height), view \(view), interval \(interval), \(workers) workers, \(regions) regions,"
            + " \(monsters) monsters" + (hushes ? ", slow readers" : "")
    }
    var configuration: WorldConfiguration {
        WorldConfiguration(
            width: width, height: height, viewRadius: view, moveIntervalMilliseconds: interval, seed: 77,
            monsters: monsters)
    }
}

@Suite struct OracleTests {
    static let shapes = [
        Shape(), Shape(interval: 100), Shape(width: 37, height: 101, view: 3, workers: 2),
        Shape(width: 90, height: 50, view: 12, players: 25), Shape(width: 7, height: 9, players: 12),
        Shape(interval: 250, players: 60, workers: 3),
        Shape(width: 40, height: 64, players: 50, workers: 2, regions: 2),
        Shape(width: 25, height: 96, interval: 100, players: 60, workers: 3, regions: 3),
        Shape(width: 12, height: 249, players: 90, workers: 3, regions: 8),
        Shape(width: 1, height: 249, view: 20, players: 40, workers: 1, regions: 8),
        Shape(width: 40, height: 64, players: 20, workers: 2, monsters: 150),
        Shape(width: 24, height: 128, players: 20, workers: 2, regions: 4, monsters: 300),
        Shape(players: 30, workers: 2, hushes: true),
        Shape(width: 24, height: 128, players: 30, workers: 2, regions: 4, monsters: 200, hushes: true),
    ]

    @Test(
        "after every tick a client knows exactly the objects of its sectors, from its bytes alone",
        arguments: shapes, TestLevel.isFull ? 1...3 : 1...1)
    func oracle(shape: Shape, seed: UInt64) {
        let world = TestWorld(shape.configuration, workers: shape.workers, regions: shape.regions)
        var walk = RandomWalk(seed: seed, players: shape.players, workers: shape.workers, hushes: shape.hushes)
        var oracle = Oracle(shape)
        for _ in 0..<120 {
            walk.act(in: world)
            oracle.remember(world)
            let operations = world.log[world.log.count - 1]
            world.step()
            oracle.check(world, after: operations)
        }
        #expect(oracle.checks > 100)
        #expect((oracle.hushed > 100) == shape.hushes)
    }
}

/// What clients should know, computed tile by tile and object by object.
struct Oracle {
    struct Place: Equatable {
        var object: UInt32
        var x: Int
        var y: Int
        /// It is told of nothing in the next tick.
        var isHushed = false
    }

    let configuration: WorldConfiguration
    private let sessions: [UInt64]
    private(set) var checks = 0
    private(set) var hushed = 0
    private var before: [UInt64: Place] = [:]
    private var knownBefore: [UInt64: Set<UInt32>] = [:]

    init(_ shape: Shape) {
        configuration = shape.configuration
        sessions = (0..<shape.players).map { session($0, worker: UInt8($0 % shape.workers)) }
    }

    private func places(_ world: TestWorld) -> [UInt64: Place] {
        var places: [UInt64: Place] = [:]
        for session in sessions {
            guard let entity = world.entity(session) else { continue }
            places[session] = Place(
                object: entity.object, x: Int(entity.x), y: Int(entity.y), isHushed: entity.isHushed)
        }
        return places
    }

    mutating func remember(_ world: TestWorld) {
        before = places(world)
        knownBefore = world.clients.mapValues { Set($0.known.keys) }
    }

    /// Whether a sector, by one of its tiles, touches the widened view around a place.
    private func subscribed(_ viewer: Place, _ x: Int, _ y: Int) -> Bool {
        let radius = configuration.viewRadius + 1
        func touches(_ position: Int, _ tile: Int, _ side: Int) -> Bool {
            let sector = tile / 8 * 8..<min(tile / 8 * 8 + 8, side)
            return sector.overlaps(max(position - radius, 0)..<min(position + radius + 1, side))
        }
        return touches(viewer.x, x, configuration.width) && touches(viewer.y, y, configuration.height)
    }

    mutating func check(_ world: TestWorld, after operations: [Operation]) {
        let now = places(world)
        var others: [Place] = []
        world.network.forEachEntity { others.append(Place(object: $0.object, x: Int($0.x), y: Int($0.y))) }
        #expect(world.population == others.count && others.count == now.count + configuration.monsters)
        for (session, client) in world.clients {
            guard let place = now[session] else {
                #expect(client.known.isEmpty)
                continue
            }
            checks += 1
            #expect(client.object == place.object && Int(client.x) == place.x && Int(client.y) == place.y)
            guard let last = before[session], last.object == place.object else {
                #expect(client.known.isEmpty, "a newcomer knows something")
                continue
            }
            guard !last.isHushed else {
                #expect(client.known.isEmpty, "a client that does not read knows something")
                hushed += 1
                checkChat(client, operations, now)
                continue
            }
            // What monsters do waits for the session's turn, or for anything prompt.
            let isCurrent =
                client.deliveries > 0 || session >> 32 % Audience.longestWait == world.tick % Audience.longestWait
            var expected: [UInt32: (Int, Int)] = [:]
            for other in others where other.object != place.object {
                guard isCurrent || other.object < Monsters.first else { continue }
                if subscribed(last, other.x, other.y) { expected[other.object] = (other.x, other.y) }
                let distance = max(abs(other.x - place.x), abs(other.y - place.y))
                let oneStep = max(abs(last.x - place.x), abs(last.y - place.y)) <= 1
                if oneStep, distance <= configuration.viewRadius {
                    #expect(client.known[other.object] != nil, "\(other) is in view of \(place)")
                }
            }
            let known = client.known.keys.filter { isCurrent || $0 < Monsters.first }
            #expect(Set(known) == Set(expected.keys))
            for (object, tile) in expected {
                #expect(client.known[object].map { (Int($0.x), Int($0.y)) == tile } ?? false)
            }
            checkChat(client, operations, now)
        }
    }

    /// Who knew the speaker, or knows him now, heard everything that he said, in order.
    private func checkChat(_ client: WorldClient, _ operations: [Operation], _ now: [UInt64: Place]) {
        let known = (knownBefore[client.session] ?? []).union(client.known.keys)
        for session in Set(operations.map(\.session)) where session != client.session {
            guard let speaker = now[session], before[session]?.object == speaker.object else { continue }
            var said: [String] = []
            for operation in operations {
                guard case .chat(session, 0, let text) = operation, !text.isEmpty else { continue }
                said.append(text)
            }
            let heard = client.heard.filter { $0.object == speaker.object }.map(\.text)
            #expect(heard == (known.contains(speaker.object) ? said : []))
        }
    }
}
