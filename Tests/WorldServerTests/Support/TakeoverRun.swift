// SPDX-License-Identifier: Apache-2.0

import Gori
import Storage
import Synchronization
import Testing
import World

@testable import WorldServer

/// Workers, a region and sessions that all want a few characters, one step at a time in an order that a seed decides:
/// what the engine does with threads, mail and sockets, done with arrays.
final class TakeoverRun {
    /// A worker: its open commands, and its mail.
    final class Desk: Sendable {
        enum Letter {
            case end(SessionID)
            case outcome(SessionID, isGranted: Bool)
        }

        let index: Int
        let mail = Mutex<[Letter]>([])

        init(_ index: Int) { self.index = index }
        func post(_ letter: Letter) { mail.withLock { $0.append(letter) } }
    }

    enum Stage {
        case waiting
        case inWorld
        case leaving
        case closed
    }

    struct Player {
        let character: UInt64
        var stage = Stage.waiting
        var number: UInt32 = 0
    }

    private let configuration = WorldConfiguration(width: 64, height: 64, moveIntervalMilliseconds: 0)
    private let characters: [UInt64]
    private let accounts: AccountService
    let claims = CharacterClaims()
    private let desks: [Desk]
    private let keepers: [PlayerKeeper]
    private var batches: [CommandBatch]
    private var closedBatches: [CommandBatch] = []
    private var region: Region
    private let effects = EffectBatch(capacity: 16)
    private var dice: Dice
    private var players: [SessionID: Player] = [:]
    private var order: [SessionID] = []
    /// The last tick whose commands each worker has closed, and whose frame it has delivered.
    private var closed: [UInt64]
    private var delivered: [UInt64]
    private var frame: Frame?
    private var generation: UInt64 = 0
    private var objects: UInt32 = 0
    /// Where each character stood when it was last in the world.
    private var lastTile: [UInt64: Tile] = [:]
    private(set) var entrances = 0
    private(set) var takeovers = 0

    init(seed: UInt64, workers: Int, characters count: Int) throws {
        let store = try AccountStore()
        characters = try (0..<count).map { try #require(try store.characters(ofAccount: "\($0)").first?.id) }
        let accounts = AccountService(store)
        self.accounts = accounts
        let claims = claims
        desks = (0..<workers).map { Desk($0) }
        keepers = (0..<workers).map { PlayerKeeper(worker: $0, accounts: accounts, claims: claims, capacity: 16) }
        batches = (0..<workers).map { CommandBatch(worker: $0, capacity: 16) }
        region = Region(configuration: configuration, workers: workers, capacity: 16)
        closed = Array(repeating: 0, count: workers)
        delivered = Array(repeating: 0, count: workers)
        dice = Dice(seed: seed)
    }

    /// One step of somebody's.
    func step() async throws {
        switch dice.below(100) {
        case 0..<25: comes()
        case 25..<33: if let id = somebody(in: .inWorld) { move(id) }
        case 33..<37: if let id = somebody(in: .inWorld) { logsOut(id) }
        case 37..<42: if let id = somebody(in: nil) { close(id) }
        case 42..<70: try await readMail(of: dice.below(desks.count))
        default: tick(dice.below(desks.count))
        }
    }

    /// Everybody leaves, and all that is under way comes to its end.
    func finish() async throws {
        for id in order { close(id) }
        for _ in 0..<6 {
            for worker in desks.indices {
                try await readMail(of: worker)
                tick(worker)
            }
        }
        try accounts.close()
    }

    /// Players that workers still know of.
    var kept: Int { keepers.reduce(0) { $0 + $1.count } }

    // MARK: Sessions

    private func somebody(in stage: Stage?) -> SessionID? {
        let fitting = order.filter { stage == nil || players[$0]?.stage == stage }
        return fitting.isEmpty ? nil : fitting[dice.below(fitting.count)]
    }

    private func comes() {
        generation += 1
        let worker = dice.below(desks.count)
        let id = SessionID(rawValue: UInt64(worker) << 56 | UInt64(dice.below(4)) << 32 | generation)
        let character = characters[dice.below(characters.count)]
        players[id] = Player(character: character)
        order.append(id)
        switch claims.claim(character, by: id) {
        case .granted: break
        case .waits(let owner):
            takeovers += 1
            if owner.worker == worker { close(owner) } else { desks[owner.worker].post(.end(owner)) }
        case .refused: Issue.record("a fresh session was refused")
        }
        let desk = desks[worker]
        claims.wait(id) { desk.post(.outcome(id, isGranted: $0)) }
    }

    private func nextNumber(_ id: SessionID) -> UInt32 {
        players[id]?.number += 1
        return players[id]?.number ?? 0
    }

    private func openTick(_ id: SessionID) -> UInt64 { closed[id.worker] + 1 }

    private func move(_ id: SessionID) {
        guard let entity = region.entity(session: id.rawValue) else { return }
        let x = entity.x == 63 ? 62 : entity.x + 1
        batches[id.worker].move(
            session: id.rawValue, number: nextNumber(id), sequence: 1, clientTime: 1, x: x, y: entity.y)
    }

    private func logsOut(_ id: SessionID) {
        players[id]?.stage = .leaving
        keepers[id.worker].leave(id.rawValue, in: openTick(id))
        batches[id.worker].leave(session: id.rawValue, number: nextNumber(id), request: 1)
    }

    /// The session's end, as `onClose` takes it.
    private func close(_ id: SessionID) {
        guard let player = players[id], player.stage != .closed else { return }
        players[id]?.stage = .closed
        keepers[id.worker].leave(id.rawValue, in: openTick(id))
        batches[id.worker].leave(session: id.rawValue, number: nextNumber(id), request: nil)
        keepers[id.worker].close(id.rawValue)
        order.removeAll { $0 == id }
    }

    private func readMail(of worker: Int) async throws {
        let letters = desks[worker].mail.withLock { letters in
            defer { letters = [] }
            return letters
        }
        for letter in letters {
            switch letter {
            case .end(let id): close(id)
            case .outcome(let id, let isGranted):
                guard players[id]?.stage == .waiting else { continue }
                if isGranted { try await enter(id) } else { close(id) }
            }
        }
    }

    private func enter(_ id: SessionID) async throws {
        guard let character = players[id]?.character else { return }
        let tile = try await accounts.tile(of: character)
        #expect(tile == lastTile[character], "character \(character) came back to another tile")
        players[id]?.stage = .inWorld
        objects += 1
        keepers[id.worker].enter(id.rawValue, character: character)
        batches[id.worker].enter(
            session: id.rawValue, number: nextNumber(id), request: 1, object: objects, character: character,
            name: "someone", at: tile)
    }

    // MARK: Ticks

    /// A worker closes its commands, or delivers the frame of the tick that it has closed.
    private func tick(_ worker: Int) {
        if closed[worker] == delivered[worker] {
            closed[worker] += 1
            batches[worker].close(tick: closed[worker], settledThrough: delivered[worker])
            closedBatches.append(batches[worker])
            batches[worker] = CommandBatch(worker: worker, capacity: 16)
            if closed.allSatisfy({ $0 == closed[worker] }) { decide(closed[worker]) }
        } else if let frame, frame.tick == closed[worker] {
            delivered[worker] = frame.tick
            keepers[worker].note(frame)
            keepers[worker].delivered(frame.tick)
            if dice.chance(20) { keepers[worker].handOn() }
        }
    }

    private func decide(_ tick: UInt64) {
        region.decide(tick: tick, commands: closedBatches, into: [effects])
        for batch in closedBatches {
            for command in batch.commands { if case .enter = command.what { entrances += 1 } }
        }
        closedBatches = []
        let frame = region.apply([effects])
        region.absorb([frame])
        self.frame = frame
        for place in frame.places {
            guard let character = players[SessionID(rawValue: place.session)]?.character else { continue }
            lastTile[character] = place.tile
        }
        checkWorld()
    }

    private func checkWorld() {
        var seen: [UInt64: UInt64] = [:]
        for id in players.keys {
            guard let entity = region.entity(session: id.rawValue) else { continue }
            #expect(seen[entity.character] == nil, "two of character \(entity.character) in the world")
            seen[entity.character] = id.rawValue
        }
        #expect(region.population == seen.count)
        // Who is gone for good need not be looked at again.
        players = players.filter { $0.value.stage != .closed || region.entity(session: $0.key.rawValue) != nil }
    }
}
