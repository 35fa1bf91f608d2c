// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// What one client's bytes mean, read independently of the engine: which packets handlers must see, which pings are
/// answered, and where the stream ends for which reason.
struct StreamOracle {
    enum State: Equatable {
        case greeting
        case open
        case ended(EndReason)
    }

    struct Delivery: Equatable {
        let type: UInt16
        let body: [UInt8]
    }

    let mode: SessionMode
    let packets: PacketOracle
    /// What the port has handed to the worker.
    var bytes: [UInt8] = []
    var state: State
    /// A slow part runs: what follows waits.
    var isSlow = false
    /// Tokens of the pings that must be answered.
    var pongs: [UInt64] = []
    private var offset = 0
    private var first: Delivery?
    private var stage = 0
    private var violations = Window(span: 60_000_000_000, budget: SessionMode.violationBudget)
    private var pings = Window(span: UInt64(SessionMode.heartbeat) * 1_000_000, budget: 4)

    /// A budget for each span of time, which begins with the first thing counted in it.
    private struct Window {
        let span: UInt64
        let budget: Int
        var start: UInt64 = 0
        var count = 0

        /// Counts one; false when the budget is spent.
        mutating func admit(_ now: UInt64) -> Bool {
            if now - start >= span {
                start = now
                count = 0
            }
            count += 1
            return count <= budget
        }
    }

    init(_ mode: SessionMode) {
        self.mode = mode
        packets = PacketOracle(mode.framing)
        state = mode.hasLayer ? .greeting : .open
    }

    /// Bytes of a packet that has begun.
    var partial: Int { bytes.count - offset }

    /// The next packet that a handler must see, nil when there is none so far; it stays the next.
    mutating func peek(_ now: UInt64) -> Delivery? {
        if first == nil { first = read(now) }
        return first
    }

    /// Takes the next packet that a handler must see.
    mutating func takeFirst(_ now: UInt64) -> Delivery? {
        defer { first = nil }
        return peek(now)
    }

    /// Takes bytes of a stream without packets.
    mutating func takeBytes(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, offset + count)
        defer { offset = end }
        return Array(bytes[offset..<end])
    }

    private mutating func read(_ now: UInt64) -> Delivery? {
        while true {
            if case .ended = state { return nil }
            if isSlow { return nil }
            switch packets.head(bytes, at: offset, limit: state == .greeting ? 64 : .max) {
            case .incomplete: return nil
            case .malformed: state = .ended(.malformed)
            case .packet(let size, let type):
                guard bytes.count - offset >= size else { return nil }
                let start = offset + packets.headerBytes
                offset += size
                if let delivery = read(type, Array(bytes[start..<offset]), now) { return delivery }
            }
        }
    }

    private mutating func read(_ type: UInt16, _ body: [UInt8], _ now: UInt64) -> Delivery? {
        if mode.takesAnyPacket { return Delivery(type: type, body: body) }
        if state == .greeting {
            greet(type, body)
            return nil
        }
        if mode.hasLayer, type < 16 {
            readSession(type, body, now)
            return nil
        }
        guard isLegal(type, body) else {
            violate(now)
            return nil
        }
        switch type {
        case 18: stage = Int(body[0] & 7)
        case 21: state = .ended(EndReason(rawValue: body[0]))
        case 23:
            isSlow = true
            return nil
        default: break
        }
        return Delivery(type: type, body: body)
    }

    private mutating func greet(_ type: UInt16, _ body: [UInt8]) {
        guard type == 1, body.count >= 12, body.count == 12 + Int(body[11]), body[11] <= 32,
            String(validating: body[12...], as: UTF8.self) != nil, !body[12...].contains(0)
        else {
            state = .ended(.helloExpected)
            return
        }
        let isServed = body[..<11] == SessionMode.hello[..<11]
        state = isServed ? .open : .ended(.updateNeeded)
    }

    private mutating func readSession(_ type: UInt16, _ body: [UInt8], _ now: UInt64) {
        switch type {
        case 4 where body.count == 8:
            guard pings.admit(now) else { return violate(now) }
            pongs.append(body.reversed().reduce(0) { $0 << 8 | UInt64($1) })
        case 5 where body.count == 16: break
        case 3
        where body.count >= 2 && body[1] <= 120 && body.count == 2 + Int(body[1]) && !body[2...].contains(0)
            && String(validating: body[2...], as: UTF8.self) != nil:
            state = .ended(.leaving)
        default: violate(now)
        }
    }

    private mutating func violate(_ now: UInt64) {
        if !violations.admit(now) { state = .ended(.violations) }
    }

    /// The routes of `SessionHandlers`, written down again.
    private func isLegal(_ type: UInt16, _ body: [UInt8]) -> Bool {
        switch type {
        case 16: body.count <= 512 && body.first != 0xFF
        case 17: body.count <= 8 && stage == 0 && body.first != 0xFF
        case 19: body.count <= 8 && stage == 1 && body.first != 0xFF
        case 18, 21, 23, 24: body.count == 1 && body.first != 0xFF
        case 20, 22: body.count == 2 && body.first != 0xFF
        default: false
        }
    }
}
