// SPDX-License-Identifier: Apache-2.0

internal import Load
internal import Overlapped
internal import Wire
internal import World

/// The course's stress test: each bot logs in, walks one tile a second in its own rhythm, and logs out.
///
/// The schedule is open: a move is due at its time whatever has been answered, and its delay counts from that time. The
/// run has three parts: bots come (until each has entered the world or failed to), all walk (for as long as asked),
/// and each leaves when its next move would be due.
final class CourseScenario: LoadScenario {
    /// A bot that is not in the world so long after it connected, in milliseconds, has failed to open its session.
    static let openingLimit: UInt32 = 10_000
    /// Answers still due at the end are waited for so long, in milliseconds.
    static let leavingLimit: UInt32 = 2_000

    let configuration: BotsConfiguration
    var record = CourseRecord()
    var bots: [Bot]
    var delays = DelayDistribution()
    var rampDelays = DelayDistribution()
    var secondDelays = DelayDistribution()
    var courseDelay = CourseEstimator()
    var counters = LoadCounters()
    /// Bots that are neither in the world nor known not to get there.
    var coming: Int
    /// When all that came walk, in milliseconds since the start.
    var steadyStart = UInt32.max
    var end = UInt32.max
    /// When the last bot's session was over.
    var lastEnd: UInt32 = 0
    var elapsed: UInt32 = 0
    var connectFailure: PortError?
    private let onSecond: (BotsProgress) -> Void
    private var second = 0
    private var lastCounters = LoadCounters()

    init(_ configuration: BotsConfiguration, onSecond: @escaping (BotsProgress) -> Void) {
        self.configuration = configuration
        self.onSecond = onSecond
        coming = configuration.load.count
        bots = (0..<configuration.load.count).map { Bot(number: $0 + 1, seed: UInt64(configuration.seed)) }
    }

    deinit {
        for index in bots.indices {
            bots[index].pending.release()
            bots[index].known.release()
        }
        record.players.release()
    }

    /// The name of a bot's account and character; at most 20 bytes.
    static func name(of bot: Int, seed: UInt32) -> Name { Name("bot-\(seed)-\(bot)") ?? "bot" }

    /// The millisecond of a second in which a bot moves: by the golden ratio, so that any number of bots that have
    /// come so far is spread evenly.
    static func phase(of connection: Int, seed: UInt32) -> UInt32 {
        let turn = UInt64(truncatingIfNeeded: connection) &* 0x9E37_79B9_7F4A_7C15 &+ SplitMix64.first(of: seed)
        return UInt32(truncatingIfNeeded: turn.multipliedFullWidth(by: UInt64(Bot.movePeriod)).high)
    }

    // MARK: LoadScenario

    func connected(_ connection: Int, _ load: LoadContext) {
        record.checks.expect(.allConnect, true, bot: connection + 1, packet: "connect", "")
        bots[connection].stage = .greeting
        load.send(
            Hello(version: WorldProtocol.version, fingerprint: WorldProtocol.fingerprint, client: "gori-bots"),
            on: connection)
        load.schedule(connection, at: load.elapsed &+ Self.openingLimit)
    }

    func notConnected(_ connection: Int, _ error: PortError, _ load: LoadContext) {
        for missing in connection..<bots.count {
            record.checks.fail(.allConnect, bot: missing + 1, packet: "connect", "\(error)")
        }
        connectFailure = error
        came(bots.count - connection, load)
    }

    func received(_ type: PacketType, _ body: UnsafeRawBufferPointer, on connection: Int, _ load: LoadContext) {
        let stage = bots[connection].stage
        let reply = bots[connection].receive(
            type, body.bytes, now: (MonotonicClock.now() &- load.start) / 1_000, &record)
        switch reply {
        case .none: return
        case .moved(let delay): answered(connection, delay: delay)
        case .pong(let token): load.send(Pong(token: token, time: UInt64(load.elapsed) &* 1_000), on: connection)
        case .login:
            let name = Self.name(of: connection + 1, seed: configuration.seed)
            load.send(Login(request: Bot.Request.login, name: name), on: connection)
        case .select(let character):
            load.send(SelectCharacter(request: Bot.Request.select, character: character), on: connection)
        case .walk: startWalk(connection, load)
        case .leave: leave(connection, was: stage, load)
        case .serverLeaves:
            leave(connection, was: stage, load)
            for other in bots.indices where bots[other].stage != .waiting && bots[other].stage != .left {
                record.disconnected += 1
                bots[other].end(&record)
            }
            load.stop()
        }
    }

    func due(_ connection: Int, intended: UInt32, _ load: LoadContext) {
        switch bots[connection].stage {
        case .walking where intended < end:
            load.send(bots[connection].step(), on: connection)
            load.schedule(connection, at: intended &+ Bot.movePeriod)
        case .walking:
            bots[connection].stage = .leaving
            load.send(Logout(request: Bot.Request.logout), on: connection)
            load.schedule(connection, at: load.elapsed &+ Self.leavingLimit)
        case .leaving:
            record.checks.fail(
                .logoutAnswered, bot: connection + 1, packet: "logout", "no answer within \(Self.leavingLimit) ms")
            leave(connection, was: .leaving, load)
        case .waiting, .left: load.finish(connection)
        case .greeting, .loggingIn, .entering:
            let stage = bots[connection].stage
            record.checks.fail(
                .sessionsOpen, bot: connection + 1, packet: "none",
                "still \(stage) \(Self.openingLimit) ms after it connected")
            leave(connection, was: stage, load)
        }
    }

    func ended(_ connection: Int, _ end: ConnectionEnd, _ load: LoadContext) {
        let stage = bots[connection].stage
        guard stage != .left else { return }
        if end == .malformed {
            record.checks.fail(.packetForm, bot: connection + 1, packet: "header", "\(end)")
        }
        record.checks.fail(
            .sessionsLast, bot: connection + 1, packet: "none", "the connection ended while \(stage): \(end)")
        record.disconnected += 1
        bots[connection].end(&record)
        lastEnd = load.elapsed
        if stage.isOpening { came(1, load) }
    }

    func over(_ load: LoadContext) {
        counters = load.counters
        elapsed = load.elapsed
    }

    func secondPassed(_ load: LoadContext) {
        second += 1
        let now = load.counters
        onSecond(
            BotsProgress(
                second: second, connected: now.open, sent: now.packetsSent &- lastCounters.packetsSent,
                received: now.packetsReceived &- lastCounters.packetsReceived,
                median: secondDelays.percentile(50), p99: secondDelays.percentile(99)))
        lastCounters = now
        secondDelays.reset()
    }
}
