// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
public import Wire

/// What a scenario may do with the connections of its load. Valid during the call that it is handed to.
public struct LoadContext {
    let core: UnsafeMutablePointer<LoadCore>

    /// The header of packets; a client accepts what it can express.
    public static let framing = Framing(maximumPacketSize: Framing.largestStandardPacket)
    /// A connection that has been asked to end gets this long to do so in order.
    public static let closeMilliseconds: UInt32 = 2_000

    /// Nanoseconds of `MonotonicClock` at which the run started.
    public var start: UInt64 { core.pointee.start }

    /// Milliseconds since the start, as of this turn.
    public var elapsed: UInt32 { core.pointee.elapsed }

    /// What has gone over all connections so far.
    public var counters: LoadCounters { core.pointee.counters }

    /// Puts a packet into a connection's output. All of a turn leaves in one send at its end.
    ///
    /// - Returns: whether it will be sent; not when the connection is ending, or the packet breaks its own bounds.
    @inlinable @discardableResult
    public func send<P: Packet>(_ packet: P, on connection: Int) -> Bool {
        let size = LoadContext.framing.headerSize &+ P.bodySize.upperBound
        guard let room = reserve(size, on: connection), let written = LoadContext.framing.encode(packet, into: room)
        else { return false }
        commit(written, on: connection)
        return true
    }

    /// Sets when `due` is next called for a connection, in milliseconds since the start. Each has one such time; one
    /// that has gone by is due at once and keeps its intended time.
    public func schedule(_ connection: Int, at milliseconds: UInt32) {
        guard core.pointee.open(connection) != nil else { return }
        core.pointee.schedule.set(connection, at: milliseconds)
    }

    /// Ends a connection in order, after what was sent. Nothing more of it is reported.
    public func finish(_ connection: Int) { core.pointee.finish(connection) }

    /// Ends the run: no more connections, and those that there are end in order.
    public func stop() { core.pointee.finishAll() }

    @usableFromInline
    func reserve(_ count: Int, on connection: Int) -> UnsafeMutableRawBufferPointer? {
        guard let record = core.pointee.open(connection) else { return nil }
        return record.pointee.output.reserve(count, pool: &core.pointee.pool)
    }

    @usableFromInline
    func commit(_ count: Int, on connection: Int) {
        guard let record = core.pointee.open(connection) else { return }
        record.pointee.output.commit(count)
        core.pointee.counters.packetsSent &+= 1
        core.pointee.markDirty(connection)
    }
}
