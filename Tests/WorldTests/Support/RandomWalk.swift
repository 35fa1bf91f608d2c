// SPDX-License-Identifier: Apache-2.0

import World

/// Players who come, go, walk, talk and send nonsense, repeatably.
struct RandomWalk {
    private var dice: Dice
    private let players: Int
    private let workers: Int
    /// Each player has a way that it mostly goes, so that many cross sectors.
    private var courses: [Int: (Int, Int)] = [:]
    private var said = 0
    /// Whether now and then a client does not read.
    private let hushes: Bool

    init(seed: UInt64, players: Int, workers: Int, hushes: Bool = false) {
        self.hushes = hushes
        dice = Dice(seed: seed)
        self.players = players
        self.workers = workers
    }

    mutating func act(in world: TestWorld) {
        for slot in 0..<players {
            let session = session(slot, worker: UInt8(slot % workers))
            var times = dice.chance(10) ? 1 + dice.below(4) : 1
            while times > 0 {
                times -= 1
                act(slot, session, in: world)
            }
        }
    }

    private mutating func act(_ slot: Int, _ session: UInt64, in world: TestWorld) {
        guard let entity = world.entity(session) else {
            if dice.chance(15) { world.enter(session, name: Name("walker \(slot)") ?? "") }
            // Some of what follows comes before the world has seen the entrance.
            if dice.chance(3) { world.say(session, "early") }
            if dice.chance(3) { world.move(session, to: dice.below(60), dice.below(60)) }
            if dice.chance(1) { world.perform(.logout(session: session)) }
            return
        }
        switch dice.below(100) {
        case 0..<55:
            let (dx, dy) = course(of: slot)
            let x = min(max(Int(entity.x) + dx, 0), 65_535)
            let y = min(max(Int(entity.y) + dy, 0), 65_535)
            world.move(session, to: x, y, sequence: UInt32(dice.below(1_000)))
        case 55..<58: world.move(session, to: dice.below(65_536), dice.below(65_536))
        case 58..<64:
            said += 1
            world.say(session, "text \(said)")
        case 64: world.say(session, "", scope: UInt8(dice.below(3)))
        case 65: world.perform(.logout(session: session))
        case 66: world.perform(.leave(session: session))
        case 67:
            world.perform(.logout(session: session))
            world.enter(session)
        case 68: world.enter(session)
        case 69..<73 where hushes: world.perform(.hush(session: session, !entity.isHushed || dice.chance(20)))
        default: break
        }
    }

    private mutating func course(of slot: Int) -> (Int, Int) {
        if dice.chance(10) || courses[slot] == nil { courses[slot] = (dice.below(3) - 1, dice.below(3) - 1) }
        return courses[slot] ?? (0, 1)
    }
}
