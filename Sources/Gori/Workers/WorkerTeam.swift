// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform

/// What the workers of a server have in common.
struct WorkerSurroundings {
    let definition: ServerDefinition
    let addresses: [SocketAddress]
    let workerCount: Int
    let mailboxes: Mailboxes
    let published: PublishedCounters
    let census: WorkerCensus
    let addressLimit: AddressLimit?
    let startedAt: UInt64
}

/// The workers of a server before they run: their ports are made together or not at all, then they start together.
///
/// Generic over the port and instantiated in this module for each, as the worker itself.
struct WorkerTeam<Port: CompletionPort & SendableMetatype & ~Copyable>: ~Copyable {
    private let surroundings: WorkerSurroundings
    private let ports: UnsafeMutablePointer<Port>

    /// Makes the ports.
    ///
    /// - Throws: what `make` throws; the ports made before are gone then.
    init(_ surroundings: WorkerSurroundings, _ make: (_ capacity: Int) throws(PortError) -> Port) throws(PortError) {
        let ports = UnsafeMutablePointer<Port>.allocate(capacity: surroundings.workerCount)
        var count = 0
        do throws(PortError) {
            while count < surroundings.workerCount {
                (ports + count).initialize(to: try make(surroundings.definition.configuration.sessionsPerWorker))
                count += 1
            }
        } catch {
            ports.deinitialize(count: count)
            ports.deallocate()
            throw error
        }
        self.surroundings = surroundings
        self.ports = ports
    }

    /// Listens, and starts a thread for each worker.
    ///
    /// - Parameter latch: where each arrives once it serves, or with what kept it from serving.
    consuming func start(_ latch: Latch) throws(PortError) -> WorkerThreads {
        let count = surroundings.workerCount
        defer { ports.deallocate() }
        let listeners: [[Int32]]
        do throws(PortError) {
            listeners = try listen()
        } catch {
            ports.deinitialize(count: count)
            throw error
        }
        let endings = Latch(count: count)
        let threads = WorkerThreads()
        // All doorbells, before anybody can ring one.
        surroundings.published.timers = Watchdog.Timers(
            surroundings.definition.configuration, workerCount: count)
        for index in 0..<count { surroundings.mailboxes.install(ports[index].doorbell, of: index) }
        let workers = (0..<count).map { index in
            let worker = SlotMemory.allocateOne(Worker<Port>.self)
            worker.initialize(to: Worker(port: (ports + index).move(), index: index, surroundings))
            return UInt(bitPattern: worker)
        }
        for index in 0..<count {
            let (worker, own, census) = (workers[index], listeners[index], surroundings.census)
            threads.add(WorkerThread(name: "gori-worker-\(index)") { Self.serve(worker, own, latch, endings, census) })
        }
        threads.watchdog = .start(surroundings)
        return threads
    }

    /// The listeners of each worker, sharing their addresses.
    private func listen() throws(PortError) -> [[Int32]] {
        var listeners: [[Int32]] = []
        do throws(PortError) {
            for _ in 0..<surroundings.workerCount {
                listeners.append([])
                for address in surroundings.addresses {
                    let listener = try Sockets.listen(
                        on: address, sharesPort: true, sendTimeout: surroundings.definition.configuration.sendTimeout)
                    listeners[listeners.count - 1].append(listener)
                }
            }
        } catch {
            for descriptor in listeners.joined() { Sockets.close(descriptor) }
            throw error
        }
        return listeners
    }

    /// A worker's thread: opens, serves, and leaves when all workers have ended, because its port is rung until then.
    private static func serve(
        _ address: UInt, _ listeners: [Int32], _ latch: Latch, _ endings: Latch, _ census: WorkerCensus
    ) {
        guard let worker = UnsafeMutablePointer<Worker<Port>>(bitPattern: address) else { return }
        do throws(PortError) {
            try worker.pointee.open(listeners: listeners)
        } catch {
            census.ended()
            latch.arrive(error)
            return leave(worker, endings)
        }
        latch.arrive()
        do throws(PortError) {
            try worker.pointee.run()
        } catch {
            return die(worker, error, endings, census)
        }
        census.ended()
        leave(worker, endings)
    }

    /// Ends a worker once all have ended. Who stops a server again, and what a slow part has to say late, finds nobody:
    /// a ring would be written to whatever has the number of the doorbell's descriptor by then.
    private static func leave(_ worker: UnsafeMutablePointer<Worker<Port>>, _ endings: Latch) {
        endings.arrive()
        _ = endings.wait()
        worker.pointee.clearMail()
        worker.pointee.mailboxes.leave(worker.pointee.index)
        worker.deinitialize(count: 1)
        worker.deallocate()
    }

    /// The rest of the thread of a worker whose port is broken.
    private static func die(
        _ worker: UnsafeMutablePointer<Worker<Port>>, _ error: PortError, _ endings: Latch, _ census: WorkerCensus
    ) {
        var death = WorkerDeath(of: worker, census)
        death.announce(error)
        death.takeCare()
        endings.arrive()
        _ = endings.wait()
        death.discardMail()
        death.discardOutboxes()
    }
}
