// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import SimulatedKernel
internal import World

/// A player as a model, which reads the world's packets by itself: what it is told must agree with what it did and with
/// what it was told before.
final class WorldPlayer {
    /// How it behaves while the kernel has faults.
    enum Manner: CaseIterable { case walker, runner, slowReader, resetter, finisher, leaver }

    enum Stage { case greeting, login, select, walking, leaving, ended }

    let number: Int
    private let name: String
    private let manner: Manner
    private let socket: SimulatedSocket
    private unowned let play: WorldPlay
    private unowned let machine: SimulatedMachine
    @exclusivity(unchecked) private var stage = Stage.greeting
    @exclusivity(unchecked) private var inbox: [UInt8] = []
    private var character: UInt64 = 0
    private(set) var object: UInt32 = 0
    private(set) var x: UInt16 = 0
    private(set) var y: UInt16 = 0
    private var sequence: UInt32 = 0
    private var answered: UInt32 = 0
    private var targets: [(x: UInt16, y: UInt16)] = []
    private var known: [UInt32: (x: UInt16, y: UInt16)] = [:]
    private var names: [String: UInt32] = [:]
    private var requests: UInt32 = 100
    private var chats: Set<UInt32> = []
    private var hasSaidHello = false
    private var hasGone = false
    private var goodbye: UInt8?

    init(
        _ number: Int, _ name: String, _ manner: Manner, _ socket: SimulatedSocket, _ play: WorldPlay,
        _ machine: SimulatedMachine
    ) {
        (self.number, self.name, self.manner, self.socket) = (number, name, manner, socket)
        (self.play, self.machine) = (play, machine)
    }

    var hasEnded: Bool { stage == .ended }
    var isInWorld: Bool { stage == .walking }
    /// Plays on, and means to.
    var isHealthy: Bool { stage != .ended && stage != .leaving && !hasGone && socket.clientEnd == .none }
    var isSettled: Bool { stage == .walking && answered == sequence && chats.isEmpty }

    private func require(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { machine.fail("player \(number): \(what())") }
    }

    func knows(_ object: UInt32) -> Bool { known[object] != nil }

    /// Holds everything it knows against where those objects are, nil where there is none; but for monsters, which tell
    /// nobody where they are.
    ///
    /// - Returns: what is wrong, nil when all is right.
    func wrongKnowledge(_ place: (UInt32) -> (x: UInt16, y: UInt16)?) -> String? {
        for (other, at) in known.sorted(by: { $0.key < $1.key }) where other != object && other < Monsters.first {
            guard let real = place(other) else {
                return "player \(number) knows object \(other), which is nobody"
            }
            guard real == at else { return "player \(number) knows object \(other) at \(at), which is at \(real)" }
        }
        return nil
    }

    // MARK: Acting

    func act(isHealing: Bool) {
        guard stage != .ended else { return }
        read(isHealing)
        guard stage != .ended, !hasGone else { return }
        if !hasSaidHello {
            hasSaidHello = true
            send(1, u16(WorldProtocol.version) + u64(WorldProtocol.fingerprint) + [0, 0])
        }
        guard stage == .walking, !isHealing else { return }
        walk()
        if machine.dice.chance(30) { chat() }
        misbehave()
    }

    private func walk() {
        let limit: UInt32 = manner == .runner ? 8 : 1
        guard sequence &- answered < limit, machine.dice.chance(manner == .runner ? 900 : 300) else { return }
        let from = targets.last ?? (x, y)
        func step(_ from: UInt16, _ side: Int) -> UInt16 {
            UInt16(clamping: min(side - 1, max(0, Int(from) + machine.dice.within(-1...1))))
        }
        let target = (x: step(from.x, play.world.width), y: step(from.y, play.world.height))
        targets.append(target)
        send(20, u32(sequence) + u64(UInt64(sequence) &* 7) + u16(target.x) + u16(target.y))
        sequence += 1
    }

    private func chat() {
        requests += 1
        chats.insert(requests)
        send(23, u32(requests) + [0, 5, 0] + Array("hello".utf8))
    }

    private func misbehave() {
        switch manner {
        case .resetter where machine.dice.chance(15):
            hasGone = true
            stage = .ended
            socket.clientReset()
        case .finisher where machine.dice.chance(10):
            hasGone = true
            socket.clientFinish()
        case .leaver where machine.dice.chance(15):
            stage = .leaving
            send(28, u32(3))
        default: break
        }
    }

    // MARK: Writing

    private func u16(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }
    private func u32(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) } }
    private func u64(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) } }

    private func send(_ type: UInt16, _ body: [UInt8]) {
        let packet = u16(UInt16(clamping: body.count + 4)) + u16(type) + body
        packet.withUnsafeBytes { bytes in
            let cut = machine.dice.chance(300) ? machine.dice.below(bytes.count) : bytes.count
            socket.clientSend(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
            socket.clientSend(UnsafeRawBufferPointer(rebasing: bytes[cut...]))
        }
    }

    // MARK: Reading

    private func read(_ isHealing: Bool) {
        if manner == .slowReader, !isHealing, !machine.dice.chance(10) { return }
        socket.clientReceive(1 << 20) { inbox.append(contentsOf: $0) }
        var offset = 0
        while inbox.count - offset >= 4 {
            let size = Int(inbox[offset]) | Int(inbox[offset + 1]) << 8
            let type = Int(inbox[offset + 2]) | Int(inbox[offset + 3]) << 8
            guard size >= 4, size <= 16_384 else { return require(false, "a packet of \(size) bytes comes") }
            guard inbox.count - offset >= size else { break }
            take(type, WorldFields(inbox[offset + 4..<offset + size]))
            offset += size
        }
        if offset > 0 { inbox.removeFirst(offset) }
        switch socket.clientEnd {
        case .none: return
        case .finished: if !hasGone { socket.clientFinish() }
        case .reset: break
        }
        stage = .ended
    }

    private func take(_ type: Int, _ fields: WorldFields) {
        var fields = fields
        require(goodbye == nil, "a packet of type \(type) comes behind the goodbye")
        switch type {
        case 2:
            require(stage == .greeting, "a second welcome")
            stage = .login
            send(16, u32(1) + [UInt8(clamping: name.utf8.count)] + Array(name.utf8))
        case 3:
            goodbye = fields.u8()
            if goodbye == 12 { play.sights.see(.replaced) }
        case 4: send(5, u64(fields.u64()) + u64(0))
        case 128: loggedIn(&fields)
        case 129: entered(&fields)
        case 130: added(&fields)
        case 131: moved(&fields)
        case 132: removed(&fields)
        case 133: heard(&fields)
        case 134: answered(&fields)
        case 135: moveAnswered(&fields)
        default: require(false, "a packet of type \(type) comes")
        }
        require(fields.isWhole, "a packet of type \(type) is too short")
    }

    private func loggedIn(_ fields: inout WorldFields) {
        require(stage == .login && fields.u32() == 1, "an answer to a login that it did not send")
        guard fields.u8() == 0 else {
            // Too many at once: tried again.
            return send(16, u32(1) + [UInt8(clamping: name.utf8.count)] + Array(name.utf8))
        }
        _ = fields.text(widthOfCount: 1)
        require(fields.u8() == 1, "an account has one character")
        stage = .select
        character = fields.u64()
        send(19, u32(2) + u64(character))
        _ = fields.text(widthOfCount: 1)
    }

    private func entered(_ fields: inout WorldFields) {
        require(stage == .select && fields.u32() == 2, "an answer to a selection that it did not send")
        let code = fields.u8()
        object = fields.u32()
        (x, y) = (fields.u16(), fields.u16())
        require(fields.u16() == play.world.width && fields.u16() == play.world.height, "another map")
        _ = (fields.u8(), fields.u16())
        // Too many at once: tried again.
        guard code != 4 else { return send(19, u32(2) + u64(character)) }
        require(code == 0, "it cannot enter: \(code)")
        require(Int(x) < play.world.width && Int(y) < play.world.height, "it stands beside the map")
        if stage == .select { stage = .walking }
    }

    private func added(_ fields: inout WorldFields) {
        let other = fields.u32()
        _ = fields.u8()
        let place = (x: fields.u16(), y: fields.u16())
        let name = fields.text(widthOfCount: 1)
        // In packets that all get, a client's own object is none of its business.
        guard other != object else { return }
        require(known[other] == nil, "object \(other) is added that it knows")
        require(Int(place.x) < play.world.width && Int(place.y) < play.world.height, "object \(other) beside the map")
        known[other] = place
        // Monsters have one name among them.
        guard other < Monsters.first else { return }
        // Also where one takes a character over: the other has left in an earlier tick.
        require(names.updateValue(other, forKey: name) == nil, "there is another object with the name \(name)")
    }

    private func removed(_ fields: inout WorldFields) {
        let other = fields.u32()
        guard other != object else { return }
        require(known.removeValue(forKey: other) != nil, "object \(other) is removed that it does not know")
        // order does not matter: an object has one name.
        names = names.filter { $0.value != other }
    }

    private func moved(_ fields: inout WorldFields) {
        let other = fields.u32()
        let place = (x: fields.u16(), y: fields.u16())
        guard other != object else { return }
        guard let old = known[other] else { return require(false, "object \(other) moves that it does not know") }
        let distance = max(abs(Int(old.x) - Int(place.x)), abs(Int(old.y) - Int(place.y)))
        // A step may come one tick early, so that two may fall into one tick where the interval is no longer than that.
        let isStep = distance <= 1 || play.world.moveIntervalMilliseconds <= play.world.tickMilliseconds
        require(isStep, "object \(other) jumps from \(old) to \(place)")
        known[other] = place
    }

    private func heard(_ fields: inout WorldFields) {
        let speaker = fields.u32()
        require(speaker == object || known[speaker] != nil, "object \(speaker) speaks that it does not know")
        play.sights.see(.chatted)
    }

    private func answered(_ fields: inout WorldFields) {
        let request = fields.u32()
        if request == 3 {
            require(stage == .leaving, "an answer to a logout that it did not send")
            return play.sights.see(.loggedOut)
        }
        require(chats.remove(request) != nil, "an answer to request \(request), which is not under way")
    }

    private func moveAnswered(_ fields: inout WorldFields) {
        let number = fields.u32()
        require(number == answered && number < sequence, "move \(number) is answered, \(answered) is next")
        require(fields.u64() == UInt64(number) &* 7, "another move's time")
        let isOk = fields.u8() == 0
        let place = (x: fields.u16(), y: fields.u16())
        answered += 1
        guard !targets.isEmpty else { return }
        let target = targets.removeFirst()
        require(!isOk || place == target, "a move to \(target) ends at \(place)")
        if isOk { play.sights.see(.moved) }
        (x, y) = place
    }
}

/// The fields of a packet in their order, little-endian; zeros behind its end.
struct WorldFields {
    private var rest: ArraySlice<UInt8>
    private(set) var isWhole = true

    init(_ body: ArraySlice<UInt8>) { rest = body }

    private mutating func number(_ count: Int) -> UInt64 {
        guard rest.count >= count else {
            isWhole = false
            return 0
        }
        var value: UInt64 = 0
        for (index, byte) in rest.prefix(count).enumerated() { value |= UInt64(byte) << UInt64(index * 8) }
        rest = rest.dropFirst(count)
        return value
    }

    mutating func u8() -> UInt8 { UInt8(truncatingIfNeeded: number(1)) }
    mutating func u16() -> UInt16 { UInt16(truncatingIfNeeded: number(2)) }
    mutating func u32() -> UInt32 { UInt32(truncatingIfNeeded: number(4)) }
    mutating func u64() -> UInt64 { number(8) }

    mutating func text(widthOfCount: Int) -> String {
        let count = Int(number(widthOfCount))
        guard rest.count >= count else {
            isWhole = false
            return ""
        }
        defer { rest = rest.dropFirst(count) }
        return String(decoding: rest.prefix(count), as: UTF8.self)
    }
}
