// SPDX-License-Identifier: Apache-2.0

public import Overlapped

/// A server that runs: its addresses, and how to stop it. May be used from any thread.
public final class RunningServer: Sendable {
    /// Where it listens, with the ports that the kernel chose.
    public let addresses: [SocketAddress]
    /// Which completion port serves, and why.
    public let selection: PortSelection
    /// Whether the sockets of sessions cost the process no descriptor.
    public let hasDirectDescriptors: Bool
    /// How many workers serve.
    public let workerCount: Int
    private let mailboxes: Mailboxes
    private let census: WorkerCensus
    private let threads: WorkerThreads
    private let pages: CounterPages

    init(_ definition: ServerDefinition) throws(PortError) {
        let configuration = definition.configuration
        let workerCount = max(1, min(64, configuration.workers))
        let limit = configuration.maximumSessionsPerAddress
        let addressLimit = limit > 0 ? AddressLimit(limit: limit) : nil
        let surroundings = WorkerSurroundings(
            definition: definition, addresses: try Self.reserve(configuration.addresses), workerCount: workerCount,
            mailboxes: Mailboxes(
                workerCount: workerCount, ringCapacity: configuration.mailboxCapacity, addressLimit: addressLimit),
            published: PublishedCounters(workerCount: workerCount), census: WorkerCensus(workerCount: workerCount),
            addressLimit: addressLimit, startedAt: MonotonicClock.now())
        let latch = Latch(count: workerCount)
        let selected = try PortSelection.select(configuration.port, disabled: configuration.disabledFeatures)
        let (threads, selection) = try Self.start(surroundings, selected, latch)
        addresses = surroundings.addresses
        self.selection = selection
        hasDirectDescriptors = definition.configuration.tableCapacity != nil
        self.workerCount = workerCount
        mailboxes = surroundings.mailboxes
        census = surroundings.census
        pages = surroundings.published.pages
        self.threads = threads
        if let failure = latch.wait() {
            for worker in 0..<workerCount { mailboxes.post(.drain, to: worker) }
            threads.join()
            throw failure
        }
    }

    /// Starts the workers of the port that was selected, or of epoll where the rings of all workers are too many.
    private static func start(
        _ surroundings: WorkerSurroundings, _ selected: PortSelection, _ latch: Latch
    ) throws(PortError) -> (WorkerThreads, PortSelection) {
        var selection = selected
        if selection.port == .uring {
            let features = selection.features
            let techniques = surroundings.definition.configuration.techniques.intersection(.uring)
            let isDirect = Self.decideAboutTables(surroundings.definition, features)
            var team: WorkerTeam<UringPort>?
            do throws(PortError) {
                team = try WorkerTeam(surroundings) { (capacity) throws(PortError) in
                    try UringPort(
                        capacity: capacity, features: features, directDescriptors: isDirect, techniques: techniques)
                }
            } catch {
                selection = try selection.fallingBack(after: error)
                surroundings.definition.configuration.tableCapacity = nil
            }
            if let team = team.take() { return (try team.start(latch), selection) }
        }
        let techniques = surroundings.definition.configuration.techniques.intersection(.epoll)
        let team = try WorkerTeam(surroundings) { (capacity) throws(PortError) in
            try EpollPort(capacity: capacity, techniques: techniques)
        }
        return (try team.start(latch), selection)
    }

    /// Direct descriptors, where they are wanted and there are any: a ring's table is bounded as the process's own.
    private static func decideAboutTables(_ definition: ServerDefinition, _ features: UringFeatures) -> Bool {
        guard definition.configuration.directDescriptors, features.contains(.directDescriptors) else { return false }
        definition.configuration.tableCapacity = max(1, Sockets.raiseDescriptorLimit())
        return true
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

    /// What all workers have done so far, also after they have ended. Each count is as it stood at the end of one of
    /// its worker's last two turns; a worker that is stuck holds nobody up.
    public var counters: ServerCounters { pages.total }

    /// Asks every worker to stop accepting, say goodbye and end. Returns at once.
    public func stop() {
        for worker in 0..<workerCount { mailboxes.post(.drain, to: worker) }
    }

    /// Waits until all workers have ended.
    public func join() { threads.join() }

    /// How many workers have not died: what `workerCount` says, as long as all is well.
    public var livingWorkers: Int { census.living }

    /// What broke, when the server stops or has stopped by itself (`ServerConfiguration.whenWorkerDies`); else nil.
    public var failure: PortError? { census.failure }

    /// Calls `body` once when the server stops by itself.
    func whenStopping(_ body: @escaping @Sendable () -> Void) { census.whenStopping(body) }

    func post(_ letter: Mailboxes.Letter, to worker: Int) { mailboxes.post(letter, to: worker) }

    /// Runs a closure on a worker's thread with its state, as soon as its turn comes; never if the worker has died.
    public func perform<State: ~Copyable>(
        on worker: Int, as _: State.Type, _ body: @escaping @Sendable (WorkerContext, inout State) -> Void
    ) {
        mailboxes.post(
            .perform { context, state in body(context, &state.assumingMemoryBound(to: State.self).pointee) },
            to: worker)
    }
}
