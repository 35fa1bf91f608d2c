// SPDX-License-Identifier: Apache-2.0

internal import Gori
@_spi(Measuring) internal import SimulatedKernel
internal import Wire

/// A client as a model: what it sends, how it reads, how it misbehaves, and what it must have got.
///
/// Each connection is one client; whoever comes back is another.
final class EngineClient {
    /// How it behaves while the kernel has faults. When that is over the well-meaning ones read and answer.
    enum Manner: CaseIterable {
        case normal, eager, slowReader, dripper, corrupter, impatient, outdated, mute, resetter, finisher, leaver, late,
            babbler
    }

    enum State { case connecting, open, ended }

    let number: UInt32
    let manner: Manner
    let socket: SimulatedSocket
    unowned let model: EngineModel
    @exclusivity(unchecked) var state = State.connecting
    /// Packets given to the network, and delivered to a handler.
    @exclusivity(unchecked) var called: UInt32 = 0
    @exclusivity(unchecked) var delivered: UInt32 = 0
    /// Private packets that handlers have sent, and that have arrived.
    @exclusivity(unchecked) var answersSent: UInt32 = 0
    @exclusivity(unchecked) private(set) var answersRead: UInt32 = 0
    /// What it publishes next in each group.
    @exclusivity(unchecked) var published: [UInt32] = [0, 0, 0]
    @exclusivity(unchecked) var session: SessionID?
    /// The worker whose listener it came to.
    var listener = 0
    @exclusivity(unchecked) var bytesReadBefore = 0
    @exclusivity(unchecked) var turnsPassedOver = 0
    /// Why the server ended its session.
    private(set) var endReason: EndReason?
    private var endedAt: UInt64 = 0
    private(set) var goodbye: UInt8?
    private(set) var hasFinished = false
    private(set) var hasReset = false
    private(set) var hasSpoiled = false
    /// Neither reads nor says anything any more.
    var isFrozen = false
    /// It was well when the server was told to stop.
    var wasHealthyAtDrain = false
    private var hasHello = false
    private var isGreeted = false
    @exclusivity(unchecked) private var inbox: [UInt8] = []
    @exclusivity(unchecked) private var outbox: [UInt8] = []
    @exclusivity(unchecked) private var outboxSent = 0
    /// Per group, by publisher: what must come next.
    @exclusivity(unchecked) private var told: [[UInt32: UInt32]] = [[:], [:], [:]]
    @exclusivity(unchecked) private var directs: [UInt32: UInt32] = [:]
    /// When bytes last came, and when the end did.
    private var lastReadAt: UInt64 = 0
    private var streamEndedAt: UInt64 = 0
    private let createdAt: UInt64

    init(_ number: UInt32, _ manner: Manner, _ socket: SimulatedSocket, _ model: EngineModel) {
        self.number = number
        self.manner = manner
        self.socket = socket
        self.model = model
        createdAt = model.machine.now()
    }

    private var machine: SimulatedMachine { model.machine }

    private func require(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { machine.fail("client \(number): \(what())") }
    }

    func serverEnded(_ reason: EndReason) {
        endReason = reason
        endedAt = machine.now()
    }

    /// Whether it means well and nothing has happened that ends a session.
    var isHealthy: Bool {
        !isFrozen && state != .ended && endReason == nil && !hasFinished && !hasReset && !hasSpoiled
            && socket.clientEnd == .none
    }

    /// Whether everything it sent was handled, and everything it was sent has come.
    var isSettled: Bool {
        outboxSent == outbox.count && delivered == called && answersRead == answersSent && socket.clientReadable == 0
    }

    /// Held against what whoever means well is promised when the server stops.
    func checkFarewell() {
        guard wasHealthyAtDrain, !wasStillReading else { return }
        require(
            goodbye == EndReason.shuttingDown.rawValue || endReason.map { $0 != .shuttingDown } ?? (session == nil),
            "the server stopped without a goodbye")
        require(socket.clientEnd != .reset || endReason != .shuttingDown, "the server's stop was a reset")
    }

    /// It read up to the very end of the server's time: what waited for it was more than it can read in so long.
    private var wasStillReading: Bool {
        let deadline = endedAt + UInt64(model.farewellTimeout) * 1_000_000
        guard endReason == .shuttingDown, streamEndedAt >= deadline else { return false }
        return lastReadAt + Self.longestPause >= streamEndedAt
    }

    /// Nanoseconds between two looks of a client that reads, at most.
    private static let longestPause: UInt64 = 200_000_000

    // MARK: Acting

    /// Reads, answers, sends; the simulation decides when.
    ///
    /// - Parameter isHealing: no more requests; what is under way is brought to its end.
    func act(isHealing: Bool) {
        guard state != .ended, !isFrozen else { return }
        read(isHealing)
        guard state != .ended, !hasFinished, !hasReset else { return }
        if !hasHello { sayHello(isHealing) }
        if hasHello, !isHealing, !hasSpoiled { speak() }
        flushOutbox(isHealing)
        if !isHealing { misbehave() }
    }

    private func sayHello(_ isHealing: Bool) {
        switch manner {
        case .late where !isHealing && machine.now() < createdAt + 6_000_000_000: return
        case .impatient:
            hasSpoiled = true
            hasHello = true
            return append(frame(Call(client: number, number: 0, kind: .echo, argument: 0, payload: 4)))
        case .outdated:
            hasSpoiled = true
            append(machine.dice.chance(500) ? Hello.bytes(version: 6) : Hello.bytes(fingerprint: 1))
        default: append(Hello.bytes())
        }
        hasHello = true
        guard manner == .babbler, !isHealing else { return }
        // Asks for much and then only talks; what it gets it never reads.
        hasSpoiled = true
        for _ in 0..<6 { call(.burst) }
    }

    /// Adds requests, as many as its manner allows to be under way.
    private func speak() {
        guard isGreeted || machine.dice.chance(100) else { return }
        let limit: UInt32 = manner == .eager ? 64 : manner == .dripper ? 2 : 12
        var count = machine.dice.within(0...(manner == .eager ? 12 : 3))
        while count > 0, called &- delivered < limit, outbox.count - outboxSent < 20_000 {
            count -= 1
            call()
        }
    }

    private func call(_ wanted: CallKind? = nil) {
        let kind = wanted ?? (machine.dice.chance(400) ? .echo : machine.dice.pick(Self.kinds))
        guard kind != .endMe || machine.dice.chance(20) else { return }
        let payload = machine.dice.pick([0, 4, 8, 16, 60, 200, 590])
        let argument = kind == .burst ? machine.dice.within(1...12) : machine.dice.below(256)
        let call = Call(
            client: number, number: called, kind: kind, argument: UInt8(truncatingIfNeeded: argument), payload: payload)
        called += 1
        if machine.dice.chance(40) { return append(frame(SlowCall(call))) }
        append(frame(call))
    }

    private static let kinds: [CallKind] = CallKind.allCases + [.publish, .publish, .join, .burst]

    private func frame<P: Packet>(_ packet: P) -> [UInt8] {
        withUnsafeTemporaryAllocation(byteCount: 4 + P.bodySize.upperBound, alignment: 8) { memory in
            let framing = Framing(maximumPacketSize: 8_300)
            return Array(memory[..<(framing.encode(packet, into: memory) ?? 0)])
        }
    }

    private func append(_ bytes: [UInt8]) { outbox += bytes }

    private func flushOutbox(_ isHealing: Bool) {
        var rest = outbox.count - outboxSent
        guard rest > 0 else { return }
        if manner == .dripper, !isHealing {
            rest = min(rest, machine.dice.within(1...3))
        } else if machine.dice.chance(300) {
            rest = 1 + machine.dice.below(rest)
        }
        outbox.withUnsafeBytes { bytes in
            socket.clientSend(UnsafeRawBufferPointer(rebasing: bytes[outboxSent..<outboxSent + rest]))
        }
        outboxSent += rest
        guard outboxSent == outbox.count else { return }
        outbox.removeAll(keepingCapacity: true)
        outboxSent = 0
    }

    /// What only some do, and only some of the time.
    private func misbehave() {
        switch manner {
        case .corrupter where isGreeted && machine.dice.chance(30): corrupt()
        case .resetter where machine.dice.chance(15):
            hasReset = true
            state = .ended
            socket.clientReset()
        case .finisher where isGreeted && outbox.isEmpty && machine.dice.chance(20):
            hasFinished = true
            socket.clientFinish()
        case .babbler where outbox.isEmpty:
            for _ in 0..<machine.dice.within(0...8) { append([20, 0, 5, 0] + Array(repeating: 0, count: 16)) }
        case .leaver where isGreeted && outbox.isEmpty && machine.dice.chance(20):
            hasSpoiled = true
            append([6, 0, 3, 0, 1, 0])
        default: break
        }
    }

    /// A size that cannot be, or packets that are whole and wrong.
    private func corrupt() {
        hasSpoiled = true
        if machine.dice.chance(400) {
            append(machine.dice.chance(500) ? [3, 0, 16, 0] : [0xFF, 0xFF, 16, 0])
            return
        }
        for _ in 0..<9 {
            append(machine.dice.pick([[4, 0, 99, 0], [5, 0, 16, 0, 1], [4, 0, 2, 0], [5, 0, 4, 0, 9]]))
        }
    }

    // MARK: Reading

    private func read(_ isHealing: Bool) {
        // Who does not read still learns from his sending that the connection is gone.
        guard manner != .babbler || isHealing || socket.isClosed else { return }
        var limit = 1 << 20
        if manner == .slowReader, !isHealing {
            guard machine.dice.chance(60) else { return }
            limit = machine.dice.within(1...400)
        }
        socket.clientReceive(limit) {
            lastReadAt = machine.now()
            inbox.append(contentsOf: $0)
        }
        parse()
        if socket.clientEnd != .none { streamEndedAt = machine.now() }
        switch socket.clientEnd {
        case .none: return
        case .finished: ended()
        case .reset: wasReset(isHealing)
        }
        state = .ended
    }

    private func ended() {
        // Whoever has not read everything is cut off when the time for his close is over.
        let isOverdue = endedAt > 0 && socket.endedAt >= endedAt + UInt64(model.closeTimeout) * 1_000_000
        let isWhole = inbox.isEmpty || isOverdue
        require(isWhole, "the stream ends in the middle of a packet, \(inbox.count) bytes of it")
        // The order in which both sides end is theirs; nothing more is sent either way.
        if !hasFinished, !hasReset {
            hasFinished = true
            socket.clientFinish()
        }
    }

    private func wasReset(_ isHealing: Bool) {
        if hasReset || endReason != nil || session == nil { return }
        require(false, "it is reset while its session is open")
    }

    private func parse() {
        var offset = 0
        while inbox.count - offset >= 4 {
            let size = Int(inbox[offset]) | Int(inbox[offset + 1]) << 8
            let type = Int(inbox[offset + 2]) | Int(inbox[offset + 3]) << 8
            guard size >= 4, size <= 8_300 else { return require(false, "a packet of \(size) bytes comes") }
            guard inbox.count - offset >= size else { break }
            take(type, inbox[offset + 4..<offset + size])
            offset += size
        }
        if offset > 0 { inbox.removeFirst(offset) }
    }

    private func word(_ body: ArraySlice<UInt8>, _ offset: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in 0..<4 where body.count >= offset + 4 {
            value |= UInt32(body[body.startIndex + offset + index]) << UInt32(index * 8)
        }
        return value
    }

    private func take(_ type: Int, _ body: ArraySlice<UInt8>) {
        require(goodbye == nil, "a packet of type \(type) comes behind the goodbye")
        switch type {
        case 2:
            require(!isGreeted && body.count == 20, "a second welcome, or one of \(body.count) bytes")
            isGreeted = true
            state = .open
        case 3: takeGoodbye(body)
        case 4: if manner != .mute, !hasSpoiled { append([20, 0, 5, 0] + body + [0, 0, 0, 0, 0, 0, 0, 0]) }
        case 32: takeAnswer(body)
        case 33: takeTold(body)
        case 34: takeDirect(body)
        default: require(false, "a packet of type \(type) comes")
        }
    }

    private func takeGoodbye(_ body: ArraySlice<UInt8>) {
        goodbye = body.first
        model.sights.see(.goodbyeRead)
        switch goodbye {
        case EndReason.helloTimeout.rawValue: model.sights.see(.helloTimeout)
        case EndReason.helloExpected.rawValue: model.sights.see(.helloExpected)
        case EndReason.updateNeeded.rawValue: model.sights.see(.updateNeeded)
        case EndReason.full.rawValue: model.sights.see(.full)
        case EndReason.malformed.rawValue: if manner == .dripper { model.sights.see(.packetTimedOut) }
        default: break
        }
    }

    private func takeAnswer(_ body: ArraySlice<UInt8>) {
        require(isGreeted, "an answer comes before the welcome")
        let answer = word(body, 0)
        require(answer == answersRead, "answer \(answer) comes, \(answersRead) is next")
        require(word(body, 4) == number, "it gets the answer of client \(word(body, 4))")
        require(Pattern.matches(body.dropFirst(9), number, answer), "answer \(answer) is not as it was sent")
        answersRead = answer + 1
        model.sights.see(.answered)
        let cause = body.count > 8 ? body[body.startIndex + 8] : 0
        // Whoever has left a group hears nothing of it behind the answer, and begins anew when he comes back.
        if cause == Answer.Cause.left.rawValue, body.count - 9 < 3 { told[body.count - 9].removeAll() }
        if hasFinished { model.sights.see(.halfClosedAnswered) }
    }

    private func takeTold(_ body: ArraySlice<UInt8>) {
        guard let group = body.first, group < 3, body.count >= 9 else {
            return require(false, "a group's packet is cut")
        }
        let (publisher, message) = (word(body, 1), word(body, 5))
        if let next = told[Int(group)][publisher] {
            require(message == next, "message \(message) of \(publisher) in group \(group) comes, \(next) is next")
        }
        told[Int(group)][publisher] = message + 1
        require(Pattern.matches(body.dropFirst(9), publisher, message), "a group's message is not as it was sent")
        let home = model.clients[Int(publisher)].session?.worker
        if home != session?.worker { model.sights.see(.groupAcrossWorkers) }
    }

    private func takeDirect(_ body: ArraySlice<UInt8>) {
        let (sender, target, message) = (word(body, 0), word(body, 4), word(body, 8))
        require(target == number, "it gets what was sent to client \(target)")
        let next = directs[sender, default: 0]
        require(message == next, "message \(message) of client \(sender) comes, \(next) is next")
        directs[sender] = message + 1
    }
}
