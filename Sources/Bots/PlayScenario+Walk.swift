// SPDX-License-Identifier: Apache-2.0

internal import Load
internal import Overlapped
internal import Wire
internal import World

/// How bots come, walk and leave.
extension PlayScenario {
    /// The first move is due in the bot's own phase, half a period from now at the earliest: a player looks around.
    func startWalk(_ connection: Int, _ load: LoadContext) {
        let intended = UInt64(configuration.load.milliseconds(of: connection)) &* 1_000
        let now = (MonotonicClock.now() &- load.start) / 1_000
        if connection >= wave.settled { entryDelays.record(microseconds: now &- min(now, intended)) }
        let phase = Self.phase(of: connection, seed: configuration.seed)
        let earliest = load.elapsed &+ Bot.movePeriod / 2
        let rest = (phase &+ Bot.movePeriod &- earliest % Bot.movePeriod) % Bot.movePeriod
        bots[connection].beginWalk(at: earliest &+ rest)
        load.schedule(connection, at: earliest &+ rest)
        came(1, load)
    }

    func walk(_ connection: Int, intended: UInt32, _ load: LoadContext) {
        let bot = bots + connection
        let area = configuration.scenario == .hotspot ? bot.pointee.hotspot : bot.pointee.map
        load.send(bot.pointee.step(within: area), on: connection)
        load.schedule(connection, at: intended &+ Bot.movePeriod)
    }

    func logOut(_ connection: Int, _ load: LoadContext) {
        bots[connection].stage = .leaving
        load.send(Logout(request: Bot.Request.logout), on: connection)
        load.schedule(connection, at: load.elapsed &+ Self.leavingLimit)
    }

    /// So many bots are where they play, or will never be. When the last of them walks, the clock of the run starts.
    func came(_ count: Int, _ load: LoadContext) {
        coming -= count
        guard coming <= 0, steadyStart == .max else { return }
        setTimes(load)
    }

    /// The session is over: what is still unanswered is lost, and the connection ends in order.
    func leave(_ connection: Int, was stage: Bot.Stage, _ load: LoadContext) {
        bots[connection].end(&record)
        lastEnd = load.elapsed
        load.finish(connection)
        if stage.isComing { came(1, load) }
    }

    func answered(_ connection: Int, delay: UInt64, _ load: LoadContext) {
        secondDelays.record(microseconds: delay)
        // The way to a gathering waits for answers: delays there prove nothing.
        if bots[connection].stage == .gathering { return arrived(connection, load) }
        courseDelay.record(microseconds: delay)
        let intended = bots[connection].clientTime(of: bots[connection].answered &- 1) / 1_000
        wave.record(connection, intended: intended, delay: delay)
        if intended >= UInt64(steadyStart) {
            delays.record(microseconds: delay)
        } else {
            rampDelays.record(microseconds: delay)
        }
    }
}
