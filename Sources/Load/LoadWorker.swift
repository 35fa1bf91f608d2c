// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Wire

/// The loop of a load: a port, its connections, and the turn that moves bytes between them and the scenario.
///
/// Generic over its port and instantiated in this module (`LoadRun`), which is what makes the compiler write a copy
/// with direct calls. The scenario is called from here and nowhere else, and never while `core` is borrowed.
struct LoadWorker<Port: CompletionPort & ~Copyable>: ~Copyable {
    var port: Port
    let core: UnsafeMutablePointer<LoadCore>
    let scenario: any LoadScenario
    let connector: Connector
    /// Connections whose send of the last turn is not settled yet.
    var unsettled: [Int32] = []
    var isConnecting = true
    var hasDeferred = false
    var nextSecond: UInt64

    private static var second: UInt64 { 1_000_000_000 }
    /// Bytes of some ten packets: with fewer there is nothing to be gained.
    private static var worthLookingAhead: Int { 128 }

    init(port: consuming Port, capacity: Int, start: UInt64, scenario: any LoadScenario, connector: Connector) {
        self.port = port
        self.scenario = scenario
        self.connector = connector
        core = .allocate(capacity: 1)
        core.initialize(to: LoadCore(capacity: capacity, start: start))
        nextSecond = start &+ Self.second
    }

    deinit {
        core.pointee.releaseAll()
        core.deinitialize(count: 1)
        core.deallocate()
    }

    var context: LoadContext { LoadContext(core: core) }

    /// Turns until every connection has come and gone.
    mutating func run() throws(PortError) {
        try port.open()
        while isConnecting || core.pointee.counters.open > 0 { try step() }
        scenario.over(context)
    }

    /// One turn: submit and wait, completions, new connections, what is due, flush.
    mutating func step() throws(PortError) {
        try port.wait(until: mayWaitUntil())
        core.pointee.now = MonotonicClock.now()
        core.pointee.counters.turns &+= 1
        var isSettled = false
        while let completion = port.next() {
            if !isSettled, completion.kind != .blocked {
                settle()
                isSettled = true
            }
            complete(completion)
        }
        if !isSettled { settle() }
        if isConnecting { adopt() }
        expire()
        if core.pointee.now >= nextSecond {
            nextSecond = max(nextSecond &+ Self.second, core.pointee.now)
            scenario.secondPassed(context)
        }
        flush()
    }

    private func mayWaitUntil() -> UInt64 {
        if hasDeferred { return 0 }
        guard let time = core.pointee.schedule.nextTime else { return nextSecond }
        return min(nextSecond, core.pointee.start &+ UInt64(time) &* 1_000_000)
    }

    // MARK: Completions

    private mutating func complete(_ completion: Completion) {
        let connection = completion.key.slot
        guard connection < core.pointee.capacity else { return }
        let record = core.pointee.connections + connection
        switch completion.kind {
        case .received: received(completion, record)
        case .finished: end(connection, .finished)
        case .ended: end(connection, .broken(completion.result))
        case .blocked:
            // The rest stays where it is: the block is this connection's, not the turn's.
            record.pointee.isBlocked = true
            record.pointee.sent = UInt32(clamping: completion.result)
            core.pointee.counters.blockedSends &+= 1
            core.pointee.markDirty(connection)
        case .drained:
            record.pointee.isTracked = false
            record.pointee.sending.release(to: &core.pointee.pool)
            core.pointee.markDirty(connection)
        case .closed: closed(connection, record)
        case .accepted, .acceptPaused, .acceptStopped, .operation: break
        }
    }

    @inline(__always)
    private mutating func received(_ completion: Completion, _ record: UnsafeMutablePointer<Connection>) {
        var rest = port.bytes(of: completion.slice)
        core.pointee.counters.bytesReceived &+= UInt64(rest.count)
        let connection = completion.key.slot
        let headerSize = LoadContext.framing.headerSize
        if rest.count > Self.worthLookingAhead, record.pointee.reassembler.carried == 0 {
            scenario.arrived(rest, on: connection)
        }
        while record.pointee.phase == .open {
            switch record.pointee.reassembler.next(&rest, framing: LoadContext.framing, pool: &core.pointee.pool) {
            case .packet(let packet, let type):
                core.pointee.counters.packetsReceived &+= 1
                let body = UnsafeRawBufferPointer(rebasing: packet[headerSize...])
                scenario.received(type, body, on: connection, context)
            case .incomplete: return
            case .malformed: return end(connection, .malformed)
            }
        }
    }

    /// A connection that was not asked to end has ended.
    private mutating func end(_ connection: Int, _ end: ConnectionEnd) {
        let record = core.pointee.connections + connection
        guard record.pointee.phase != .free, record.pointee.phase != .closing else { return }
        if record.pointee.phase == .open { scenario.ended(connection, end, context) }
        close(connection)
    }

    func key(_ connection: Int) -> CompletionKey { CompletionKey(slot: connection, generation: 1) }

    mutating func close(_ connection: Int) {
        core.pointee.connections[connection].phase = .closing
        core.pointee.schedule.cancel(connection)
        port.close(key(connection), hard: false)
    }

    private mutating func closed(_ connection: Int, _ record: UnsafeMutablePointer<Connection>) {
        guard record.pointee.phase != .free else { return }
        record.pointee.phase = .free
        record.pointee.release(to: &core.pointee.pool)
        core.pointee.schedule.cancel(connection)
        core.pointee.counters.open -= 1
    }
}
