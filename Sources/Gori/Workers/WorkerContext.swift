// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
public import Wire

/// A worker inside a handler or a hook: its number, its time, its mail, and all its sessions by id.
///
/// It cannot be kept (`~Escapable`). Only the worker's own thread ever has one.
public struct WorkerContext: ~Escapable {
    @usableFromInline let core: UnsafeMutableRawPointer

    @_lifetime(immortal)
    init(core: UnsafeMutablePointer<WorkerCore>) { self.core = UnsafeMutableRawPointer(core) }

    private var pointer: UnsafeMutablePointer<WorkerCore> { core.assumingMemoryBound(to: WorkerCore.self) }

    /// 0 up to `count - 1`.
    public var index: Int { pointer.pointee.index }

    /// How many workers the server has.
    public var count: Int { pointer.pointee.outboxes.mailboxes.workerCount }

    /// The time of this turn, `MonotonicClock` nanoseconds.
    public var now: UInt64 { pointer.pointee.now }

    /// Counts the worker's turns.
    public var turn: UInt64 { pointer.pointee.turn }

    /// The last turn whose output has been sent, or copied: what was sent by reference until then may be changed.
    public var settledTurn: UInt64 { pointer.pointee.output.settledTurn }

    /// Asks for one turn (`Server.onTurn`) at a time at the latest; replaces what was asked for before.
    ///
    /// - Parameter deadline: `MonotonicClock` nanoseconds; `UInt64.max` takes it back.
    public func wake(at deadline: UInt64) { pointer.pointee.alarm = deadline }

    /// What this worker has done.
    public var counters: WorkerCounters { pointer.pointee.counters }

    /// Whether a session of this worker still lives.
    public func isOpen(_ id: SessionID) -> Bool { pointer.pointee.find(id)?.pointee.phase == .open }

    /// Moves a session of this worker to another stage.
    public func enter(_ stage: SessionStage, _ id: SessionID) { pointer.pointee.find(id)?.pointee.stage = stage }

    /// Bytes that wait because the client of a session of this worker does not read; nil when it is not open.
    public func backlog(of id: SessionID) -> Int? {
        guard let record = pointer.pointee.find(id), record.pointee.phase == .open else { return nil }
        return record.pointee.backlog.byteCount
    }

    // MARK: Sending

    /// Sends a packet to a session of any worker; nothing happens if it has ended.
    @inlinable
    public func send<P: Packet>(_ packet: P, to id: SessionID) {
        guard id.worker == index else {
            return withUnsafeTemporaryAllocation(byteCount: headroom + P.bodySize.upperBound, alignment: 8) { memory in
                guard let count = framing.encode(packet, into: memory) else { return countEncodeFailure() }
                sendElsewhere(UnsafeRawBufferPointer(rebasing: memory[..<count]), to: id)
            }
        }
        guard let slot = openSlot(id) else { return }
        let memory = reserve(slot, headroom + P.bodySize.upperBound)
        commit(slot, memory, framing.encode(packet, into: memory))
    }

    /// Sends whole packets with their headers to a session of this worker; they are copied.
    public func send(raw bytes: UnsafeRawBufferPointer, to id: SessionID) {
        guard id.worker == index else { return sendElsewhere(bytes, to: id) }
        guard let slot = openSlot(id) else { return }
        pointer.pointee.send(slot, bytes)
    }

    /// Sends whole packets to a session of this worker by reference.
    ///
    /// The memory must stay as it is until this turn is settled (`settledTurn`). Nothing longer: what the socket does
    /// not take is copied.
    ///
    /// - Parameter isUrgent: whether it is the session's own, so that it goes out before what many others get too.
    public func send(shared bytes: UnsafeRawBufferPointer, to id: SessionID, isUrgent: Bool = false) {
        guard let slot = openSlot(id) else { return }
        pointer.pointee.sendShared(slot, bytes, isUrgent: isUrgent)
    }

    /// Sends a packet to every member of a group on all workers.
    @inlinable
    public func publish<P: Packet>(_ packet: P, to group: Group) {
        guard let (place, memory) = reserve(group, headroom + P.bodySize.upperBound) else { return }
        commit(place: place, memory, framing.encode(packet, into: memory))
    }

    /// Publishes whole packets with their headers as they are.
    public func publish(raw bytes: RawSpan, to group: Group) {
        guard let (place, memory) = reserve(group, bytes.byteCount) else { return }
        bytes.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            memory.baseAddress?.copyMemory(from: from, byteCount: source.count)
        }
        commit(place: place, memory, bytes.byteCount)
    }

    /// Ends a session of any worker, as `Session.end`; one of another worker as soon as that reads its mail. Nothing
    /// happens if it has ended.
    public func end(_ id: SessionID, _ reason: EndReason) {
        guard id.worker == index else { return endElsewhere(id, reason) }
        guard let slot = openSlot(id) else { return }
        pointer.pointee.requestEnd(slot, reason)
    }

    private func endElsewhere(_ id: SessionID, _ reason: EndReason) {
        guard id.worker < count else { return }
        pointer.pointee.outboxes.mailboxes.post(.perform { worker, _ in worker.end(id, reason) }, to: id.worker)
    }

    // MARK: Mail

    /// Posts an owned batch to another worker's `onMessage`. Never waits, never drops, keeps the order.
    ///
    /// - Parameters:
    ///   - tag: what the pointer means, from 16.
    ///   - batch: what the receiver owns when it has got it.
    public func post(tag: UInt32, _ batch: UnsafeMutableRawPointer, to worker: Int) {
        precondition(tag >= Message.firstOfApplication, "tags below 16 belong to the engine")
        let payload = UInt64(UInt(bitPattern: batch))
        pointer.pointee.outboxes.post(Message(tag: tag, payload: payload), to: worker)
    }

    // MARK: What `send` is made of

    @usableFromInline var framing: Framing { pointer.pointee.framing }
    @usableFromInline var headroom: Int { pointer.pointee.framing.headerSize }

    @usableFromInline
    func openSlot(_ id: SessionID) -> Int? {
        guard let record = pointer.pointee.find(id), record.pointee.phase == .open else { return nil }
        return id.slot
    }

    @usableFromInline
    func reserve(_ slot: Int, _ count: Int) -> UnsafeMutableRawBufferPointer { pointer.pointee.reserve(slot, count) }

    @usableFromInline
    func commit(_ slot: Int, _ memory: UnsafeMutableRawBufferPointer, _ count: Int?) {
        pointer.pointee.commit(slot, memory, count ?? 0)
        if count == nil { countEncodeFailure() }
    }

    @usableFromInline
    func reserve(_ group: Group, _ count: Int) -> (Int, UnsafeMutableRawBufferPointer)? {
        guard let (place, memory) = pointer.pointee.reserveLog(group, count) else { return nil }
        return (place, memory)
    }

    @usableFromInline
    func commit(place: Int, _ memory: UnsafeMutableRawBufferPointer, _ count: Int?) {
        pointer.pointee.commitLog(place, memory, count ?? 0)
        if count == nil { countEncodeFailure() }
    }

    @usableFromInline
    func countEncodeFailure() { pointer.pointee.counts.pointee.encodeFailures &+= 1 }

    @usableFromInline
    func sendElsewhere(_ packet: UnsafeRawBufferPointer, to id: SessionID) {
        guard id.worker < count, id.worker != index else { return }
        pointer.pointee.parcel(for: id.worker).append(packet, for: .session(id.rawValue))
    }
}
