// SPDX-License-Identifier: Apache-2.0

public import Overlapped
internal import Wire

/// A server whose workers have no threads: whoever holds them steps them, in any order, over ports of its own.
///
/// For fuzzing and simulation. One thread owns it and all its workers.
@_spi(Measuring)
public final class SteppedServer {
    let surroundings: WorkerSurroundings

    /// Takes over what a server was told. It must not be told more, nor be started.
    ///
    /// - Parameters:
    ///   - workers: how many there will be, 1 to 64; each is made once.
    ///   - startedAt: the ports' time, in nanoseconds, from which the time on the wire counts.
    ///   - hasTable: the ports have direct descriptors.
    public init<State: ~Copyable>(
        _ server: Server<State>, workers: Int, startedAt: UInt64, hasTable: Bool = false
    ) {
        let definition = server.definition
        if hasTable { definition.configuration.tableCapacity = definition.configuration.maximumSessions }
        let limit = definition.configuration.maximumSessionsPerAddress
        let addressLimit = limit > 0 ? AddressLimit(limit: limit) : nil
        surroundings = WorkerSurroundings(
            definition: definition, addresses: [], workerCount: workers,
            mailboxes: Mailboxes(
                workerCount: workers, ringCapacity: definition.configuration.mailboxCapacity,
                addressLimit: addressLimit),
            published: PublishedCounters(workerCount: workers), census: WorkerCensus(workerCount: workers),
            addressLimit: addressLimit, startedAt: startedAt)
    }

    /// Asks every worker to stop accepting, say goodbye and end, in its next steps.
    public func stop() {
        for worker in 0..<surroundings.workerCount { surroundings.mailboxes.post(.drain, to: worker) }
    }
}

/// One worker of a `SteppedServer`.
@_spi(Measuring)
public final class SteppedWorker<Port: CompletionPort & ~Copyable> {
    private var worker: Worker<Port>

    /// Makes a worker over a port.
    ///
    /// - Parameter index: from 0; no two workers of a server have the same.
    public init(port: consuming Port, index: Int, of server: SteppedServer) {
        server.surroundings.mailboxes.install(port.doorbell, of: index)
        worker = Worker(port: port, index: index, server.surroundings)
    }

    /// Opens the port and accepts on `listeners`.
    ///
    /// - Throws: what the port throws.
    public func open(listeners: [Int32]) throws(PortError) { try worker.open(listeners: listeners) }

    /// One turn. Called until `isStopped`.
    ///
    /// - Throws: what the port throws.
    public func step() throws(PortError) { try worker.step() }

    /// Whether it has drained.
    public var isStopped: Bool { worker.isStopped }

    /// Sessions whose slots are in use.
    public var sessionCount: Int { worker.core.pointee.sessions.count }

    /// The most bytes that wait for any session that is open and has not been asked to end.
    public var largestOpenBacklog: Int { worker.core.pointee.largestOpenBacklog }

    /// Messages to other workers that wait for room in their mailboxes.
    public var messagesWaiting: Int { worker.core.pointee.outboxes.waitingCount }

    /// Lets go of what a stopped worker still has, as its thread does.
    ///
    /// - Returns: bytes of the worker's pool that nobody has given back: 0 is the promise.
    public func finish() -> Int {
        worker.clearMail()
        worker.core.pointee.releaseBlocks()
        return worker.core.pointee.pool.bytesInUse
    }
}
