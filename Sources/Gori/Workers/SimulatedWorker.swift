// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) public import Overlapped
internal import Wire

/// One worker of a `SteppedServer` over a real port on a foreign kernel: nothing of it is made for simulation but the
/// kernel below.
///
/// Both workers are instantiated in this module, where they are specialised as those of a server with threads are. A
/// step may be left in the middle, when the kernel has another fiber run; so the worker lies where no access to it is
/// ever open in the eyes of the language.
@_spi(Measuring)
public final class SimulatedWorker {
    private enum Kind {
        case uring(UnsafeMutablePointer<Worker<UringPort>>)
        case epoll(UnsafeMutablePointer<Worker<EpollPort>>)
    }

    private let kind: Kind
    private let core: UnsafeMutablePointer<WorkerCore>
    private let mailboxes: Mailboxes
    private let index: Int

    /// Makes a worker over a port of io_uring.
    public init(_ port: consuming UringPort, index: Int, of server: SteppedServer) {
        server.surroundings.mailboxes.install(port.doorbell, of: index)
        let worker = UnsafeMutablePointer<Worker<UringPort>>.allocate(capacity: 1)
        worker.initialize(to: Worker(port: port, index: index, server.surroundings))
        kind = .uring(worker)
        core = worker.pointee.core
        mailboxes = server.surroundings.mailboxes
        self.index = index
        core.pointee.pool.spoilsFreeBlocks = true
    }

    /// Makes a worker over a port of epoll.
    public init(_ port: consuming EpollPort, index: Int, of server: SteppedServer) {
        server.surroundings.mailboxes.install(port.doorbell, of: index)
        let worker = UnsafeMutablePointer<Worker<EpollPort>>.allocate(capacity: 1)
        worker.initialize(to: Worker(port: port, index: index, server.surroundings))
        kind = .epoll(worker)
        core = worker.pointee.core
        mailboxes = server.surroundings.mailboxes
        self.index = index
        core.pointee.pool.spoilsFreeBlocks = true
    }

    deinit {
        switch kind {
        case .uring(let worker):
            worker.deinitialize(count: 1)
            worker.deallocate()
        case .epoll(let worker):
            worker.deinitialize(count: 1)
            worker.deallocate()
        }
    }

    /// Opens the port and accepts on `listeners`.
    public func open(listeners: [Int32]) throws(PortError) {
        switch kind {
        case .uring(let worker): try worker.pointee.open(listeners: listeners)
        case .epoll(let worker): try worker.pointee.open(listeners: listeners)
        }
    }

    /// One turn. Called until `isStopped`.
    public func step() throws(PortError) {
        switch kind {
        case .uring(let worker): try worker.pointee.step()
        case .epoll(let worker): try worker.pointee.step()
        }
    }

    /// Whether it has drained.
    public var isStopped: Bool {
        switch kind {
        case .uring(let worker): worker.pointee.isStopped
        case .epoll(let worker): worker.pointee.isStopped
        }
    }

    /// What the port has done.
    public var portCounters: PortCounters {
        switch kind {
        case .uring(let worker): worker.pointee.port.counters
        case .epoll(let worker): worker.pointee.port.counters
        }
    }

    /// Receive buffers that are neither the kernel's nor on their way back to it; nil where there are none.
    public var lostBuffers: Int? {
        switch kind {
        case .uring(let worker): worker.pointee.port.lostBuffers
        case .epoll: nil
        }
    }

    /// What the worker has done.
    public var counters: WorkerCounters { core.pointee.counters }

    /// Sessions whose slots are in use.
    public var sessionCount: Int { core.pointee.sessions.count }

    /// Bytes that its sessions hold.
    public var bytesHeld: Int { core.pointee.pool.bytesInUse }

    /// The most bytes that wait for any session that is open and has not been asked to end.
    public var largestOpenBacklog: Int { core.pointee.largestOpenBacklog }

    /// Whether a session is open and read: not paused, not ending, and no slow part of it runs.
    public func isRead(_ id: SessionID) -> Bool {
        guard let record = core.pointee.find(id) else { return false }
        return record.pointee.phase == .open && !record.pointee.endRequested && !record.pointee.isPaused
            && !record.pointee.slowPartRuns
    }

    /// Whether a session is open and not read, because it does not read either.
    public func isPaused(_ id: SessionID) -> Bool { core.pointee.find(id)?.pointee.isPaused ?? false }

    /// Whether it sleeps while there is mail for it; and the turn in which it does.
    public var sleptOverMail: UInt64? {
        !isStopped && mailboxes.sleepsOverMail(index) ? core.pointee.turn : nil
    }

    /// Whether messages to other workers wait for room.
    public var waitsForRoom: Bool { core.pointee.outboxes.isBlocked }

    /// Whether the output of sessions waits for a further slice of the flush.
    public var hasQueuedOutput: Bool { !core.pointee.waiting.isEmpty }

    /// Whether a drain was over before all sessions had ended.
    public var hasForcedEnd: Bool {
        switch kind {
        case .uring(let worker): worker.pointee.hasForcedEnd
        case .epoll(let worker): worker.pointee.hasForcedEnd
        }
    }

    /// Lets go of what a stopped worker still has, as its thread does.
    ///
    /// - Returns: bytes of the worker's pool that nobody has given back: 0 is the promise.
    public func finish() -> Int {
        switch kind {
        case .uring(let worker): worker.pointee.clearMail()
        case .epoll(let worker): worker.pointee.clearMail()
        }
        core.pointee.releaseBlocks()
        return core.pointee.pool.bytesInUse
    }
}

extension WorkerCore {
    /// The most bytes that wait for any session that is open and has not been asked to end.
    var largestOpenBacklog: Int {
        var largest = 0
        for slot in 0..<sessions.slotsTouched {
            let record = sessions.records + slot
            guard record.pointee.phase == .open, !record.pointee.endRequested else { continue }
            largest = max(largest, record.pointee.backlog.byteCount)
        }
        return largest
    }
}
