// SPDX-License-Identifier: Apache-2.0

/// Echo at intended times: messages are due at a fixed rate, one connection after the other, whatever was answered.
///
/// A delay counts from the time at which its message was due, so that a server that stalls is charged for all that was
/// due meanwhile, and a load that is late is seen.
struct OpenTraffic: Traffic {
    var tally = Tally()
    var isStopping = false
    var isSilent: Bool { underWay == 0 }

    /// Messages that are sent before answers are looked for.
    private static let burst = 64

    private let sockets: LoadSockets
    private let cycle: MessageCycle
    private let count: Int
    /// Nanoseconds from one message to the next.
    private let interval: Double
    private var positions: [CyclePosition]
    private var isBlocked: [Bool]
    /// When message 0 of this slice is due, and the number of the next.
    private var began: UInt64 = 0
    private var next = 0
    /// Messages of this slice that each connection has had answered.
    private var answered: [Int]
    private var underWay = 0

    /// - Precondition: the workload has a rate.
    init(_ workload: Workload, port: UInt16) throws(LoadFault) {
        guard let rate = workload.rate, rate > 0 else { throw LoadFault("\(workload.name) has no rate") }
        sockets = try LoadSockets(port: port, count: workload.connections)
        cycle = MessageCycle(size: workload.size, depth: workload.depth, isMixed: false)
        count = workload.connections
        interval = 1e9 / Double(rate)
        let cycle = cycle
        positions = (0..<count).map { CyclePosition(cycle, from: $0 * 97) }
        isBlocked = Array(repeating: false, count: count)
        answered = Array(repeating: 0, count: count)
    }

    /// The first message of a slice is due now.
    mutating func start() {
        began = Clock.now()
        next = 0
        for number in answered.indices { answered[number] = 0 }
    }

    mutating func turn(waiting milliseconds: Int32) throws(LoadFault) {
        var patience = milliseconds
        if !isStopping {
            let now = Clock.now()
            var sent = 0
            while sent < Self.burst, due(next) <= now {
                try send(on: next % count)
                next += 1
                sent += 1
            }
            let time = due(next)
            patience = time <= now ? 0 : min(milliseconds, Int32(clamping: (time - now) / 1_000_000))
        }
        // The body mutates what `sockets` is a part of.
        let sockets = sockets
        try sockets.ready(waiting: patience) { number, canReceive throws(LoadFault) in
            if canReceive { try receive(on: number) }
            if isBlocked[number] { try flush(number) }
        }
    }

    /// When a message of this slice is due.
    private func due(_ message: Int) -> UInt64 { began + UInt64(Double(message) * interval) }

    private mutating func send(on number: Int) throws(LoadFault) {
        positions[number].start(1, of: cycle)
        underWay += 1
        if !isBlocked[number] { try flush(number) }
    }

    private mutating func receive(on number: Int) throws(LoadFault) {
        let length = try sockets.receive(number)
        guard let done = positions[number].receive(sockets.buffer, length, of: cycle) else {
            throw LoadFault("other bytes came back than were sent, on connection \(number)")
        }
        guard done > 0 else { return }
        let now = Clock.now()
        for _ in 0..<done {
            tally.answer(after: now - due(answered[number] * count + number))
            answered[number] += 1
        }
        underWay -= done
    }

    private mutating func flush(_ number: Int) throws(LoadFault) {
        // More than a round may be owed to a server that does not keep up.
        let (offset, owed) = (positions[number].outOffset, min(positions[number].owed, cycle.byteCount))
        let taken = owed == 0 ? 0 : try sockets.send(number, cycle.bytes + offset, owed)
        positions[number].sent(taken, of: cycle)
        let blocks = positions[number].owed > 0
        guard blocks != isBlocked[number] else { return }
        isBlocked[number] = blocks
        try sockets.watch(number, forRoom: blocks)
    }
}
