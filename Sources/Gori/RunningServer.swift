// SPDX-License-Identifier: Apache-2.0

public import Overlapped

/// A server that runs: its addresses, and how to stop it. May be used from any thread.
public final class RunningServer: Sendable {
    /// Where it listens, with the ports that the kernel chose.
    public let addresses: [SocketAddress]
    /// What its ports use of the newer kernels.
    public let features: UringFeatures
    /// How many workers serve.
    public let workerCount: Int
    private let mailboxes: Mailboxes
    private let threads: Threads

    /// Joined once; a second call returns at once.
    private final class Threads: @unchecked Sendable {
        private var threads: [WorkerThreadBox] = []
        private let lock = JoinLock()

        func add(_ thread: consuming WorkerThread) { threads.append(WorkerThreadBox(thread)) }

        func join() {
            lock.withLock {
                for thread in threads { thread.join() }
                threads = []
            }
        }
    }

    init(_ definition: ServerDefinition) throws(PortError) {
        let configuration = definition.configuration
        let workerCount = max(1, min(64, configuration.workers))
        let addresses = try Self.reserve(configuration.addresses)
        let features = try UringPreflight.run(disabled: configuration.disabledFeatures)
        let mailboxes = Mailboxes(workerCount: workerCount, ringCapacity: configuration.mailboxCapacity)
        let published = PublishedCounters(workerCount: workerCount)
        let limit = configuration.maximumSessionsPerAddress
        let addressLimit = limit > 0 ? AddressLimit(limit: limit) : nil
        let startedAt = MonotonicClock.now()
        var workers: [UnsafeMutablePointer<Worker<UringPort>>] = []
        var listeners: [[Int32]] = []
        func giveUp() {
            for descriptor in listeners.joined() { Sockets.close(descriptor) }
            for worker in workers {
                worker.deinitialize(count: 1)
                worker.deallocate()
            }
        }
        do throws(PortError) {
            for index in 0..<workerCount {
                var own: [Int32] = []
                for address in addresses {
                    own.append(try Sockets.listen(on: address, sharesPort: true))
                    if address == addresses.last { break }
                }
                listeners.append(own)
                let port = try UringPort(capacity: configuration.maximumSessions, features: features)
                mailboxes.install(port.doorbell, of: index)
                let worker = UnsafeMutablePointer<Worker<UringPort>>.allocate(capacity: 1)
                worker.initialize(
                    to: Worker(
                        port: port, index: index, definition: definition, mailboxes: mailboxes, published: published,
                        addressLimit: addressLimit, startedAt: startedAt))
                workers.append(worker)
            }
        } catch {
            giveUp()
            throw error
        }
        let latch = Latch(count: workerCount)
        let threads = Self.startThreads(workers, listeners, definition, latch)
        self.addresses = addresses
        self.features = features
        self.workerCount = workerCount
        self.mailboxes = mailboxes
        self.threads = threads
        if let failure = latch.wait() {
            for worker in 0..<workerCount { mailboxes.post(.drain, to: worker) }
            threads.join()
            throw failure
        }
    }

    private static func startThreads(
        _ workers: [UnsafeMutablePointer<Worker<UringPort>>], _ listeners: [[Int32]], _ definition: ServerDefinition,
        _ latch: Latch
    ) -> Threads {
        let endings = Latch(count: workers.count)
        let threads = Threads()
        for index in workers.indices {
            let address = UInt(bitPattern: workers[index])
            let own = listeners[index]
            threads.add(
                WorkerThread(name: "gori-worker-\(index)") { serve(address, own, definition, latch, endings) })
        }
        return threads
    }

    /// A worker's thread: opens, serves, and leaves when all workers have ended, because its ring is rung until then.
    private static func serve(
        _ address: UInt, _ listeners: [Int32], _ definition: ServerDefinition, _ latch: Latch, _ endings: Latch
    ) {
        guard let worker = UnsafeMutablePointer<Worker<UringPort>>(bitPattern: address) else { return }
        do throws(PortError) {
            try worker.pointee.open(listeners: listeners)
        } catch {
            latch.arrive(error)
            endings.arrive()
            _ = endings.wait()
            worker.deinitialize(count: 1)
            worker.deallocate()
            return
        }
        latch.arrive()
        do throws(PortError) {
            try worker.pointee.run()
        } catch {
            definition.log("worker \(worker.pointee.index) ends: \(error)")
        }
        endings.arrive()
        _ = endings.wait()
        worker.pointee.clearMail()
        worker.deinitialize(count: 1)
        worker.deallocate()
    }

    /// Finds out whether the addresses are free, and the real ports.
    private static func reserve(_ wanted: [SocketAddress]) throws(PortError) -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        for address in wanted.isEmpty ? [defaultAddress] : wanted { addresses.append(try Sockets.reserve(address)) }
        return addresses
    }

    /// Every interface, port 7777; without IPv6 on this machine, those of IPv4.
    public static var defaultAddress: SocketAddress {
        Sockets.hasIPv6 ? .anyIPv6(port: 7_777) : .anyIPv4(port: 7_777)
    }

    /// Asks every worker to stop accepting, say goodbye and end. Returns at once.
    public func stop() {
        for worker in 0..<workerCount { mailboxes.post(.drain, to: worker) }
    }

    /// Waits until all workers have ended.
    public func join() { threads.join() }

    /// Runs a closure on a worker's thread with its state, as soon as its turn comes.
    public func perform<State: ~Copyable>(
        on worker: Int, as _: State.Type, _ body: @escaping @Sendable (WorkerContext, inout State) -> Void
    ) {
        mailboxes.post(
            .perform { context, state in body(context, &state.assumingMemoryBound(to: State.self).pointee) },
            to: worker)
    }
}
