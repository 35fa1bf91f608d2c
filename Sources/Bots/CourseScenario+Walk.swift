// SPDX-License-Identifier: Apache-2.0

internal import Load
internal import Wire
internal import World

/// How bots come, walk and leave.
extension CourseScenario {
    /// The first move is due in the bot's own phase, half a period from now at the earliest: a player looks around.
    func startWalk(_ connection: Int, _ load: LoadContext) {
        let phase = Self.phase(of: connection, seed: configuration.seed)
        let earliest = load.elapsed &+ Bot.movePeriod / 2
        let rest = (phase &+ Bot.movePeriod &- earliest % Bot.movePeriod) % Bot.movePeriod
        bots[connection].firstMove = earliest &+ rest
        load.schedule(connection, at: earliest &+ rest)
        came(1, load)
    }

    /// So many bots are in the world, or will never be. When the last of them walks, the clock of the run starts.
    func came(_ count: Int, _ load: LoadContext) {
        coming -= count
        guard coming <= 0, steadyStart == .max else { return }
        steadyStart = load.elapsed &+ Bot.movePeriod * 3 / 2
        end = steadyStart &+ UInt32(clamping: configuration.seconds * 1_000)
    }

    /// The session is over: what is still unanswered is lost, and the connection ends in order.
    func leave(_ connection: Int, was stage: Bot.Stage, _ load: LoadContext) {
        bots[connection].end(&record)
        lastEnd = load.elapsed
        load.finish(connection)
        if stage.isOpening { came(1, load) }
    }

    func answered(_ connection: Int, delay: UInt64) {
        secondDelays.record(microseconds: delay)
        courseDelay.record(microseconds: delay)
        let intended = bots[connection].clientTime(of: bots[connection].answered &- 1) / 1_000
        if intended >= UInt64(steadyStart) {
            delays.record(microseconds: delay)
        } else {
            rampDelays.record(microseconds: delay)
        }
    }
}

extension Bot.Stage {
    /// Connected, and not in the world yet.
    var isOpening: Bool { self == .greeting || self == .loggingIn || self == .entering }
}
