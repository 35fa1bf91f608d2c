// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Gori
@_spi(Measuring) internal import SimulatedKernel
internal import Wire

/// What the handlers of all workers see and do, held against what clients have sent: invariants of deliveries,
/// sessions and timers.
///
/// One thread steps all workers, so nothing here is ever used by two.
final class EngineModel: @unchecked Sendable {
    /// One session that was opened.
    final class Life {
        let id: SessionID
        var client: EngineClient?
        var answers: UInt32 = 0
        var isClosed = false
        /// When the timer may ring, 0: none is set.
        var timer: UInt64 = 0
        var slowRuns = false
        var directs: [UInt32: UInt32] = [:]
        init(_ id: SessionID) { self.id = id }
    }

    struct SlowFailure: Error {}

    let machine: SimulatedMachine
    @exclusivity(unchecked) var clients: [EngineClient] = []
    @exclusivity(unchecked) var sights = Sights()
    @exclusivity(unchecked) private var lives: [UInt64: Life] = [:]
    private(set) var openCount = 0
    @exclusivity(unchecked) private var lastTimer: [UInt64]
    private var batches = 0
    /// Slow parts that wait for their time.
    private var gates: [(continuation: CheckedContinuation<Bool, Never>, number: Int)] = []
    private var gateCount = 0
    private static let gateEvents = 1 << 20

    /// What a closing session has for its last bytes, in milliseconds.
    let closeTimeout: Int
    /// What a session has for its last bytes when the server stops, in milliseconds.
    let farewellTimeout: Int

    init(_ machine: SimulatedMachine, _ scenario: Scenario) {
        self.machine = machine
        closeTimeout = scenario.configuration.closeTimeout
        farewellTimeout = min(closeTimeout, scenario.configuration.drainTimeout)
        lastTimer = Array(repeating: 0, count: scenario.workers)
    }

    private func require(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { machine.fail(what()) }
    }

    // MARK: Sessions

    func opened(_ id: SessionID) {
        require(lives[id.rawValue] == nil, "session \(id) opens twice")
        lives[id.rawValue] = Life(id)
        openCount += 1
    }

    func closed(_ id: SessionID, _ reason: EndReason) {
        guard let life = lives[id.rawValue] else { return machine.fail("session \(id) ends that was not opened") }
        require(!life.isClosed, "session \(id) ends twice")
        life.isClosed = true
        lives[id.rawValue] = nil
        openCount -= 1
        life.client?.serverEnded(reason)
        see(reason)
    }

    func see(_ reason: EndReason) {
        switch reason {
        case .slowReader: sights.see(.slowReaderEnded)
        case .malformed: sights.see(.malformed)
        case .violations: sights.see(.violations)
        case .silent: sights.see(.silent)
        case .leaving: sights.see(.leaving)
        case .disconnected: sights.see(.disconnected)
        case .handlerTimedOut: sights.see(.slowPartTimedOut)
        case .shuttingDown: sights.see(.shuttingDown)
        case .failed: sights.see(.slowPartFailed)
        case .kicked: sights.see(.endedByHandler)
        default: break
        }
    }

    /// The life of the session that is being handled, and the client that a packet says it is from.
    func took(_ call: Call, _ id: SessionID) -> Life? {
        guard let life = lives[id.rawValue], !life.isClosed else {
            machine.fail("a packet is delivered to session \(id), which is not open")
            return nil
        }
        guard Int(call.client) < clients.count else {
            machine.fail("a packet of a client that does not exist")
            return nil
        }
        let client = clients[Int(call.client)]
        if life.client == nil { life.client = client }
        require(life.client === client, "session \(id) gets a packet of client \(call.client), which is a stranger")
        require(!life.slowRuns, "a packet is delivered while the slow part of another runs")
        require(call.payload != nil, "packet \(call.number) of client \(call.client) is not as it was sent")
        require(
            call.number == client.delivered,
            "client \(call.client): packet \(call.number) is delivered, \(client.delivered) is next")
        require(call.number < client.called, "client \(call.client): packet \(call.number) was never sent")
        client.delivered = call.number + 1
        client.session = id
        sights.see(.delivered)
        machine.note(UInt64(call.client) << 32 | UInt64(call.number))
        return life
    }

    func answer(_ life: Life, _ session: borrowing Session, _ cause: Answer.Cause, payload: Int) {
        guard let client = life.client else { return }
        session.send(Answer(number: life.answers, client: client.number, cause: cause, payload: payload))
        life.answers += 1
        client.answersSent = life.answers
    }

    // MARK: Calls

    func handle(_ call: Call, _ session: borrowing Session) {
        guard let life = took(call, session.id) else { return }
        let payload = call.payload ?? 0
        switch call.kind {
        case .echo: answer(life, session, .call, payload: payload)
        // More than the packet may hold: dropped and counted.
        case .longWord: session.send(Answer(number: 0, client: 0, cause: .call, payload: 9_000))
        case .burst:
            for _ in 0..<Int(call.argument) { answer(life, session, .burst, payload: payload * 4) }
        case .join:
            session.join(Group(rawValue: UInt64(call.argument % 3)))
            answer(life, session, .call, payload: 0)
        case .leave:
            session.leave(Group(rawValue: UInt64(call.argument % 3)))
            answer(life, session, .left, payload: Int(call.argument % 3))
        case .publish, .publishRaw: publish(call, session, life)
        case .endMe: session.end(.kicked)
        case .setTimer:
            let milliseconds = Int(call.argument) * 16 + 1
            session.setTimer(milliseconds: milliseconds)
            life.timer = session.worker.now + UInt64(milliseconds) * 1_000_000
        case .sendTo: sendTo(call, session, life)
        case .post: post(session.worker)
        }
    }

    private func publish(_ call: Call, _ session: borrowing Session, _ life: Life) {
        guard let client = life.client else { return }
        let group = call.argument % 3
        let told = Told(
            group: group, publisher: client.number, number: client.published[Int(group)],
            payload: min(1_191, (call.payload ?? 0) * 2))
        client.published[Int(group)] += 1
        session.publish(told, to: Group(rawValue: UInt64(group)))
    }

    private func sendTo(_ call: Call, _ session: borrowing Session, _ life: Life) {
        let target = clients[Int(call.argument) % clients.count]
        guard let id = target.session, lives[id.rawValue]?.isClosed == false, let client = life.client else { return }
        let number = life.directs[target.number, default: 0]
        life.directs[target.number] = number + 1
        if id.worker != session.id.worker { sights.see(.sentAcross) }
        session.send(Direct(from: client.number, to: target.number, number: number), to: id)
    }

    private func post(_ worker: borrowing WorkerContext) {
        guard worker.count > 1, let batch = UnsafeMutableRawPointer(bitPattern: 4_096) else { return }
        batches += 1
        for _ in 0..<4 { worker.post(tag: 16, batch, to: (worker.index + 1) % worker.count) }
        batches += 3
    }

    func got(tag: UInt32, _ batch: UnsafeMutableRawPointer) {
        batches -= 1
        sights.see(.postedBatch)
        require(
            tag == 16 && UInt(bitPattern: batch) == 4_096 && batches >= 0, "a batch comes once and as it was posted")
    }

    // MARK: Timers

    func rang(_ session: borrowing Session) {
        guard let life = lives[session.id.rawValue] else { return machine.fail("a timer of no session") }
        let (now, worker) = (session.worker.now, session.worker.index)
        require(life.timer > 0, "a timer rings that is not set")
        require(now >= life.timer, "a timer rings before its time")
        // The wheel has steps of 8.4 ms; within one, the order is open.
        require(life.timer + 8_400_000 >= lastTimer[worker], "a timer rings after a later one")
        lastTimer[worker] = max(lastTimer[worker], life.timer)
        life.timer = 0
        sights.see(.timer)
        answer(life, session, .timer, payload: 8)
    }

    /// Whether a timer is later than it may be when nothing hinders.
    func overdueTimer(_ now: UInt64) -> Bool {
        // order does not matter: whether there is one.
        lives.values.contains { $0.timer > 0 && !$0.isClosed && now > $0.timer + 500_000_000 }
    }

    // MARK: Slow parts

    func slow(_ call: Call) async throws {
        switch call.argument % 4 {
        case 0: return
        case 1: throw SlowFailure()
        default:
            let number = gateCount
            gateCount += 1
            let isOpen = await withCheckedContinuation { continuation in
                gates.append((continuation, number))
                machine.schedule(Self.gateEvents + number, at: machine.now() + UInt64(call.argument) * 40_000_000)
            }
            if !isOpen { throw SlowFailure() }
        }
    }

    /// An event of the machine's that is a gate's.
    func open(_ event: Int) -> Bool {
        guard event >= Self.gateEvents else { return false }
        if let place = gates.firstIndex(where: { $0.number == event - Self.gateEvents }) {
            gates.remove(at: place).continuation.resume(returning: true)
        }
        return true
    }

    func openAllGates() {
        let waiting = gates
        gates.removeAll()
        for gate in waiting { gate.continuation.resume(returning: true) }
    }

    func isOpen(_ id: SessionID) -> Bool { lives[id.rawValue]?.isClosed == false }

    func slowBegins(_ id: SessionID) { lives[id.rawValue]?.slowRuns = true }

    func slowEnded(_ call: Call, _ session: borrowing Session) {
        guard let life = lives[session.id.rawValue] else { return machine.fail("a slow part ends in no session") }
        require(life.slowRuns, "a slow part ends that does not run")
        life.slowRuns = false
        sights.see(.slowPart)
        answer(life, session, .call, payload: call.payload ?? 0)
    }
}
