// SPDX-License-Identifier: Apache-2.0

/// Echoes and packets: each connection keeps `depth` messages under way, and every byte that comes is compared.
struct StreamTraffic: Traffic {
    var tally = Tally()
    var isStopping = false
    var isSilent: Bool { underWay == 0 }

    private let sockets: LoadSockets
    private let cycle: MessageCycle
    private let depth: Int
    /// Numbers of the connections that send, spread over all of them.
    private let senders: [Int]
    private var positions: [CyclePosition]
    private var isBlocked: [Bool]
    /// When the messages under way were started, `depth` of them for each connection, in a ring.
    private var started: [UInt64]
    private var oldest: [Int]
    private var newest: [Int]
    private var underWay = 0

    init(_ workload: Workload, port: UInt16) throws(LoadFault) {
        sockets = try LoadSockets(port: port, count: workload.connections)
        cycle = MessageCycle(size: workload.size, depth: workload.depth, isMixed: workload.traffic == .packet)
        depth = workload.depth
        let (count, active) = (workload.connections, workload.active)
        senders = (0..<active).map { $0 * count / active }
        let cycle = cycle
        positions = (0..<count).map { CyclePosition(cycle, from: $0 * 97) }
        isBlocked = Array(repeating: false, count: count)
        started = Array(repeating: 0, count: count * depth)
        oldest = Array(repeating: 0, count: count)
        newest = oldest
    }

    mutating func start() throws(LoadFault) {
        for (place, number) in senders.enumerated() {
            try send(depth, on: number, at: Clock.now())
            // Answers are taken meanwhile: many connections take long.
            if place % 32 == 31 { try turn(waiting: 0) }
        }
    }

    mutating func turn(waiting milliseconds: Int32) throws(LoadFault) {
        // The body mutates what `sockets` is a part of.
        let sockets = sockets
        try sockets.ready(waiting: milliseconds) { number, canReceive throws(LoadFault) in
            if canReceive { try receive(on: number) }
            if isBlocked[number] { try flush(number) }
        }
    }

    private mutating func receive(on number: Int) throws(LoadFault) {
        let count = try sockets.receive(number)
        guard count > 0 else { return }
        guard let done = positions[number].receive(sockets.buffer, count, of: cycle) else {
            throw LoadFault("other bytes came back than were sent, on connection \(number)")
        }
        guard done > 0 else { return }
        let now = Clock.now()
        for _ in 0..<done {
            tally.answer(after: now - started[number * depth + oldest[number]])
            oldest[number] = (oldest[number] + 1) % depth
        }
        underWay -= done
        if !isStopping { try send(done, on: number, at: now) }
    }

    private mutating func send(_ messages: Int, on number: Int, at now: UInt64) throws(LoadFault) {
        for _ in 0..<messages {
            started[number * depth + newest[number]] = now
            newest[number] = (newest[number] + 1) % depth
        }
        positions[number].start(messages, of: cycle)
        underWay += messages
        if !isBlocked[number] { try flush(number) }
    }

    private mutating func flush(_ number: Int) throws(LoadFault) {
        let (offset, owed) = (positions[number].outOffset, positions[number].owed)
        let taken = owed == 0 ? 0 : try sockets.send(number, cycle.bytes + offset, owed)
        positions[number].sent(taken, of: cycle)
        let blocks = taken < owed
        guard blocks != isBlocked[number] else { return }
        isBlocked[number] = blocks
        try sockets.watch(number, forRoom: blocks)
    }
}
