// SPDX-License-Identifier: Apache-2.0

internal import Load
internal import Overlapped
internal import Wire
internal import World

/// What all scenarios have in common, and the course's stress test as it is: each bot logs in, walks one tile a second
/// in its own rhythm, and logs out.
///
/// The schedule is open: a move is due at its time whatever has been answered, and its delay counts from that time. The
/// run has three parts: bots come (until each is where it plays or has failed to), all walk (for as long as asked), and
/// each leaves when its next move would be due. In `hotspot` to come is to gather, and everybody looks around before
/// leaving; in `storm` some come before the others.
final class PlayScenario: LoadScenario {
    /// A bot that is not in the world so long after it connected, in milliseconds, has failed to open its session.
    static let openingLimit: UInt32 = 10_000
    /// Answers still due at the end are waited for so long, in milliseconds.
    static let leavingLimit: UInt32 = 2_000

    let configuration: BotsConfiguration
    /// Neither this nor the next is a plain property: each packet would ask whether somebody else has it.
    private let findings: UnsafeMutablePointer<BotsRecord>
    let bots: UnsafeMutablePointer<Bot>
    let count: Int
    var delays = DelayDistribution()
    var rampDelays = DelayDistribution()
    var secondDelays = DelayDistribution()
    var courseDelay = CourseEstimator()
    /// From the time at which a connection was meant to be made to where its bot plays; not of the settled.
    var entryDelays = DelayDistribution()
    var wave: WaveRecord
    var meter = Meter()
    var counters = LoadCounters()
    /// Bots that are neither where they play nor known not to get there.
    var coming: Int
    /// When there was none left of them.
    var allCame = UInt32.max
    /// When all that came walk, in milliseconds since the start.
    var steadyStart = UInt32.max
    var end = UInt32.max
    /// When something is to be read off next: the start of the wave, of what is measured, and its end.
    private var nextMark: UInt32
    /// `hotspot`: when everybody is to look around.
    var lookAt = UInt32.max
    var hasLooked = false
    /// When the last bot's session was over.
    var lastEnd: UInt32 = 0
    var elapsed: UInt32 = 0
    var connectFailure: PortError?
    private let onSecond: (BotsProgress) -> Void
    private let onPhase: (BotsPhase) -> Void
    /// Of no use but to be written: it keeps what is read ahead from being optimised away.
    private(set) var seenAhead: UInt64 = 0
    private var second = 0
    private var lastCounters = LoadCounters()

    init(
        _ configuration: BotsConfiguration, onSecond: @escaping (BotsProgress) -> Void,
        onPhase: @escaping (BotsPhase) -> Void
    ) {
        self.configuration = configuration
        self.onSecond = onSecond
        self.onPhase = onPhase
        count = configuration.load.count
        coming = count
        nextMark = configuration.scenario == .storm ? configuration.load.waveStart : .max
        wave = WaveRecord(configuration)
        findings = .allocate(capacity: 1)
        findings.initialize(to: BotsRecord())
        bots = .allocate(capacity: count)
        for index in 0..<count {
            (bots + index).initialize(to: Bot(number: index + 1, seed: UInt64(configuration.seed)))
        }
    }

    deinit {
        for index in 0..<count {
            bots[index].pending.release()
            bots[index].known.release()
        }
        bots.deinitialize(count: count)
        bots.deallocate()
        record.players.release()
        findings.deinitialize(count: 1)
        findings.deallocate()
    }

    var record: BotsRecord {
        get { findings.pointee }
        _modify { yield &findings.pointee }
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
        for missing in connection..<count {
            record.checks.fail(.allConnect, bot: missing + 1, packet: "connect", "\(error)")
        }
        connectFailure = error
        came(count - connection, load)
    }

    func arrived(_ bytes: UnsafeRawBufferPointer, on connection: Int) {
        seenAhead = seenAhead &+ bots[connection].lookAhead(bytes)
    }

    func received(_ type: PacketType, _ body: UnsafeRawBufferPointer, on connection: Int, _ load: LoadContext) {
        let stage = bots[connection].stage
        let reply = bots[connection].receive(
            type, body.bytes, now: (MonotonicClock.now() &- load.start) / 1_000, &record)
        switch reply {
        case .none: return
        case .moved(let delay): answered(connection, delay: delay, load)
        case .pong(let token): load.send(Pong(token: token, time: UInt64(load.elapsed) &* 1_000), on: connection)
        case .login:
            let name = Self.name(of: connection + 1, seed: configuration.seed)
            load.send(Login(request: Bot.Request.login, name: name), on: connection)
        case .select(let character):
            load.send(SelectCharacter(request: Bot.Request.select, character: character), on: connection)
        case .walk where configuration.scenario == .hotspot: gather(connection, load)
        case .walk: startWalk(connection, load)
        case .leave: leave(connection, was: stage, load)
        case .serverLeaves:
            leave(connection, was: stage, load)
            for other in 0..<count where bots[other].stage != .waiting && bots[other].stage != .left {
                record.disconnected += 1
                bots[other].end(&record)
            }
            load.stop()
        }
    }

    func due(_ connection: Int, intended: UInt32, _ load: LoadContext) {
        if load.elapsed >= nextMark { mark(load) }
        switch bots[connection].stage {
        case .walking where intended < end: walk(connection, intended: intended, load)
        case .walking where configuration.scenario == .hotspot: stand(connection, load)
        case .walking: logOut(connection, load)
        case .gathering: goOn(connection, intended: intended, load)
        case .standing: stands(connection, load)
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
        if stage.isComing { came(1, load) }
    }

    func over(_ load: LoadContext) {
        counters = load.counters
        elapsed = load.elapsed
        meter.end(load)
        wave.judge(&record)
    }

    /// Reads off what is to be read off now.
    private func mark(_ load: LoadContext) {
        if steadyStart == .max {
            onPhase(.wave)
            nextMark = .max
        } else if nextMark == end {
            meter.end(load)
            onPhase(.played)
            nextMark = .max
        } else {
            meter.begin(load)
            onPhase(.playing)
            nextMark = end
        }
    }

    /// When all that came walk, and when they stop.
    func setTimes(_ load: LoadContext) {
        allCame = load.elapsed
        wave.finish(at: allCame)
        steadyStart = allCame &+ Bot.movePeriod * 3 / 2
        end = steadyStart &+ UInt32(clamping: configuration.seconds * 1_000)
        lookAt = end &+ Bot.movePeriod &+ Self.stillness
        nextMark = steadyStart
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
