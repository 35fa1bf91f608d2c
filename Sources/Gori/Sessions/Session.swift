// SPDX-License-Identifier: Apache-2.0

public import Overlapped
internal import Platform
public import Wire

/// A session inside a handler: send, publish, join, end. It cannot be kept (`~Escapable`); its `id` can.
///
/// Everything here appends to memory of the worker and returns at once; bytes leave together at the end of the turn.
/// Only the worker's own thread ever has one.
public struct Session: ~Escapable {
    let core: UnsafeMutablePointer<WorkerCore>
    let slot: Int

    @_lifetime(immortal)
    init(core: UnsafeMutablePointer<WorkerCore>, slot: Int) {
        self.core = core
        self.slot = slot
    }

    /// Which session; valid as a name for as long as the server runs.
    public var id: SessionID { core.pointee.id(of: slot) }

    /// The peer's address, nil when the connection is gone. At most one system call.
    public var address: SocketAddress? {
        let record = core.pointee.sessions.records + slot
        guard record.pointee.descriptor >= 0 else { return record.pointee.peer.address }
        return SocketAddress(peerOf: record.pointee.descriptor)
    }

    /// The stage that decides which packets are legal.
    public var stage: SessionStage { core.pointee.sessions.records[slot].stage }

    /// A number of the application's own that stays with the session: an index, a handle. 0 at first.
    public var tag: UInt64 {
        get { core.pointee.sessions.records[slot].tag }
        nonmutating set { core.pointee.sessions.records[slot].tag = newValue }
    }

    /// The worker that this session lives on.
    public var worker: WorkerContext {
        @_lifetime(immortal)
        get { WorkerContext(core: core) }
    }

    /// Goes to another stage; it counts from the next packet on.
    public func enter(_ stage: SessionStage) { core.pointee.sessions.records[slot].stage = stage }

    // MARK: Sending

    /// Sends a packet. One that does not fit its own maxima is dropped and counted (`encodeFailures`).
    @inlinable
    public func send<P: Packet>(_ packet: P) {
        let memory = reserve(P.bodySize.upperBound)
        commit(memory, framing.encode(packet, into: memory))
    }

    /// Sends bytes as they are: whole packets with their headers, or a stream where there are no packets.
    ///
    /// Bytes of the packet being handled leave without a copy.
    public func send(raw bytes: RawSpan) {
        let core = core
        let slot = slot
        bytes.withUnsafeBytes { core.pointee.send(slot, $0) }
    }

    /// Sends a packet to another session, wherever it lives; nothing happens if it has ended.
    @inlinable
    public func send<P: Packet>(_ packet: P, to id: SessionID) { worker.send(packet, to: id) }

    // MARK: Groups

    /// Enters a group; entering twice is entering once.
    public func join(_ group: Group) { core.pointee.join(slot, group) }

    /// Leaves a group. Ending does so by itself.
    public func leave(_ group: Group) { core.pointee.leave(slot, group) }

    /// Sends a packet to every member of a group, on all workers, this session included if it is a member.
    @inlinable
    public func publish<P: Packet>(_ packet: P, to group: Group) { worker.publish(packet, to: group) }

    /// Publishes whole packets with their headers as they are.
    public func publish(raw bytes: RawSpan, to group: Group) { worker.publish(raw: bytes, to: group) }

    // MARK: Ending

    /// Ends the session when the handler has returned: goodbye with `reason`, then an orderly close. What was sent in
    /// this turn goes out before.
    public func end(_ reason: EndReason = .leaving) { core.pointee.requestEnd(slot, reason) }

    /// Calls the server's `onTimer` for this session once, not before `milliseconds` have passed; replaces an earlier
    /// one. 0 takes it back.
    public func setTimer(milliseconds: Int) {
        let record = core.pointee.sessions.records + slot
        record.pointee.timerDeadline = milliseconds > 0 ? core.pointee.now &+ WorkerCore.ms(milliseconds) : 0
        core.pointee.schedule(slot)
    }

    // MARK: Slow work

    /// Starts a slow part from inside a handler that has looked at the session and its worker's state first; else as
    /// `Server.on(_:in:async:)`. The session's later packets wait until `then` has run.
    ///
    /// - Parameters:
    ///   - slow: runs when the handler has returned, on the worker's thread between its suspensions; must not block.
    ///   - then: gets what came of it, unless the session has ended.
    /// - Returns: false when too many slow parts run already, or one of this session's; then neither part runs.
    @inlinable
    public func start<Result: Sendable, State: ~Copyable>(
        with _: State.Type, async slow: @escaping @Sendable () async throws -> Result,
        then handler: @escaping @Sendable (Result, Session, inout State) -> Void
    ) -> Bool {
        startSlowPart {
            let result = try await slow()
            return { session, state in
                handler(result, session, &state.assumingMemoryBound(to: State.self).pointee)
            }
        }
    }

    // MARK: What `send` and `on` are made of

    /// Starts the slow part of a handler; false when too many run already.
    @usableFromInline
    func startSlowPart(
        _ slow: @escaping @Sendable () async throws -> @Sendable (Session, UnsafeMutableRawPointer) -> Void
    ) -> Bool {
        let record = core.pointee.sessions.records + slot
        let configuration = core.pointee.configuration
        guard core.pointee.slowPartsRunning < configuration.maximumSlowParts, !record.pointee.slowPartRuns,
            let executor = core.pointee.executor
        else { return false }
        core.pointee.slowPartsRunning += 1
        record.pointee.slowPartRuns = true
        record.pointee.slowPartDeadline = core.pointee.now &+ WorkerCore.ms(configuration.slowPartTimeout)
        core.pointee.schedule(slot)
        executor.start(id, slow)
        return true
    }

    @usableFromInline var framing: Framing { core.pointee.framing }

    @usableFromInline
    func reserve(_ body: Int) -> UnsafeMutableRawBufferPointer {
        core.pointee.reserve(slot, min(body &+ core.pointee.framing.headerSize, core.pointee.framing.maximumPacketSize))
    }

    @usableFromInline
    func commit(_ memory: UnsafeMutableRawBufferPointer, _ count: Int?) {
        core.pointee.commit(slot, memory, count ?? 0)
        if count == nil { core.pointee.counts.pointee.encodeFailures &+= 1 }
    }
}
