// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Wire

/// The state of a load that no completion port is needed for: connections, their output, the schedule.
///
/// It is apart from the worker so that a scenario can be handed a pointer to it while the worker uses its port.
struct LoadCore: ~Copyable {
    let connections: UnsafeMutablePointer<Connection>
    let capacity: Int
    var pool = BlockPool()
    var schedule: Schedule
    var counters = LoadCounters()
    /// Connections with something to send, or that are to end.
    var dirty: [Int32] = []
    var isStopping = false
    /// Nanoseconds of the monotonic clock at the start of the turn.
    var now: UInt64
    let start: UInt64

    init(capacity: Int, start: UInt64) {
        self.capacity = capacity
        self.start = start
        now = start
        connections = .allocate(capacity: capacity)
        connections.initialize(repeating: Connection(), count: capacity)
        schedule = Schedule(capacity: capacity)
        dirty.reserveCapacity(1_024)
    }

    deinit {
        connections.deinitialize(count: capacity)
        connections.deallocate()
    }

    /// Gives all blocks back. The port may not have any more.
    mutating func releaseAll() {
        let connections = connections
        for index in 0..<capacity { connections[index].release(to: &pool) }
    }

    /// Milliseconds since the start.
    var elapsed: UInt32 { UInt32(clamping: (now &- start) / 1_000_000) }

    /// A connection that may still be written to.
    func open(_ connection: Int) -> UnsafeMutablePointer<Connection>? {
        guard connection >= 0, connection < capacity, connections[connection].phase == .open else { return nil }
        return connections + connection
    }

    mutating func markDirty(_ connection: Int) {
        guard !connections[connection].isDirty else { return }
        connections[connection].isDirty = true
        dirty.append(Int32(truncatingIfNeeded: connection))
    }

    mutating func finish(_ connection: Int) {
        guard let record = open(connection) else { return }
        record.pointee.phase = .leaving
        schedule.set(connection, at: elapsed &+ LoadContext.closeMilliseconds)
        markDirty(connection)
    }

    mutating func finishAll() {
        isStopping = true
        for connection in 0..<capacity { finish(connection) }
    }
}
