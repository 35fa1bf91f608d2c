// SPDX-License-Identifier: Apache-2.0

internal import Load
internal import Wire
internal import World

/// `hotspot`: how bots gather in the middle of the map, and how they look around in the end.
///
/// The square in which they gather is one in which everybody is in everybody's view. Who appears elsewhere walks there,
/// by a tile every 300 ms, and does not count as having come before it is there.
extension PlayScenario {
    /// A bot that needs twice the time of its way and so many milliseconds more does not get there.
    static let gatherSlack: UInt32 = 10_000
    /// Nobody looks around before everything has been still for so many milliseconds.
    static let stillness: UInt32 = 1_000
    /// Answers are waited for so many milliseconds after the last move.
    static let standLimit: UInt32 = 10_000

    func gather(_ connection: Int, _ load: LoadContext) {
        let bot = bots + connection
        let way = bot.pointee.hotspot.distance(fromX: bot.pointee.x, y: bot.pointee.y)
        guard way > 0 else { return startWalk(connection, load) }
        bot.pointee.stage = .gathering
        let needed = UInt32(clamping: way) &* Bot.gatherPeriod &* 2
        bot.pointee.gatherBy = load.elapsed &+ needed &+ Self.gatherSlack
        load.schedule(connection, at: load.elapsed &+ Bot.movePeriod / 2)
    }

    /// The next step of the way, unless the last is still under way.
    func goOn(_ connection: Int, intended: UInt32, _ load: LoadContext) {
        let bot = bots + connection
        guard load.elapsed < bot.pointee.gatherBy else {
            let square = bot.pointee.hotspot
            record.checks.fail(
                .everybodyGathers, bot: connection + 1, packet: "none",
                "still at (\(bot.pointee.x), \(bot.pointee.y)), \(bot.pointee.pending.count) moves under way,"
                    + " on the way to (\(square.left), \(square.top))…(\(square.right), \(square.bottom))")
            return leave(connection, was: .gathering, load)
        }
        if let move = bot.pointee.step(towards: bot.pointee.hotspot, at: intended) { load.send(move, on: connection) }
        load.schedule(connection, at: intended &+ Bot.gatherPeriod)
    }

    /// Whether a step was the last of the way.
    func arrived(_ connection: Int, _ load: LoadContext) {
        let bot = bots + connection
        guard bot.pointee.pending.count == 0, bot.pointee.hotspot.contains(bot.pointee.x, bot.pointee.y) else { return }
        bot.pointee.stage = .walking
        record.checks.expect(.everybodyGathers, true, bot: connection + 1, packet: "none", "")
        startWalk(connection, load)
    }

    // MARK: The end

    func stand(_ connection: Int, _ load: LoadContext) {
        bots[connection].stage = .standing
        load.schedule(connection, at: lookAt)
    }

    /// Everybody stands from a period after the end on; they look once all answers have come and a while has passed.
    func stands(_ connection: Int, _ load: LoadContext) {
        if !hasLooked, load.elapsed >= lookAt { look(load) }
        guard hasLooked else { return load.schedule(connection, at: lookAt) }
        logOut(connection, load)
    }

    private func look(_ load: LoadContext) {
        let isWaiting = (0..<count).contains { bots[$0].stage.isInWorld && bots[$0].pending.count > 0 }
        if isWaiting, load.elapsed < end &+ Self.standLimit {
            lookAt = load.elapsed &+ Self.stillness
            return
        }
        Sight.check(UnsafeBufferPointer(start: bots, count: count), &record)
        hasLooked = true
        // Not all in one tick: everybody is told of everybody who leaves. And not at once: looking at so many takes
        // some time, and nobody shall count as late for it.
        for connection in 0..<count where bots[connection].stage == .standing {
            let phase = Self.phase(of: connection, seed: configuration.seed)
            load.schedule(connection, at: load.elapsed &+ Self.stillness &+ phase)
        }
    }
}
