// SPDX-License-Identifier: Apache-2.0

import Glibc
import Gori
import Overlapped
import Synchronization
import Testing

/// No state: what tests count they count in `Ledger`, which outlives the workers.
struct Nothing {}

/// A server in this process on a port of its own, stopped when the test has ended.
final class TestServer {
    let running: RunningServer
    let address: SocketAddress

    /// The configuration of the tests: the port that GORI_IO names, a session layer, two workers, and no limit that gets in the way.
    static func configuration() -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.addresses = [SocketAddress("127.0.0.1:0")].compactMap { $0 }
        configuration.port = getenv("GORI_IO").flatMap { PortPreference(rawValue: String(cString: $0)) } ?? .auto
        configuration.workers = 2
        configuration.maximumSessions = 4_096
        configuration.sessionLayer = .gori(serving: [
            SessionLayer.ProtocolVersion(version: Client.version.version, fingerprint: Client.version.fingerprint)
        ])
        return configuration
    }

    init(
        _ configuration: ServerConfiguration = configuration(), _ register: (Server<Nothing>) -> Void
    ) throws {
        let server = Server<Nothing>(configuration) { _ in Nothing() }
        register(server)
        running = try server.start()
        address = try #require(running.addresses.first)
    }

    func connect(receiveBuffer: Int32? = nil) throws -> Client {
        try Client(to: address, receiveBuffer: receiveBuffer)
    }

    /// A client that has been welcomed.
    func open(receiveBuffer: Int32? = nil) throws -> Client {
        let client = try connect(receiveBuffer: receiveBuffer)
        try client.open()
        return client
    }

    /// Clients on every worker: as many as it takes.
    func openOnBothWorkers(atLeast count: Int = 2) throws -> [Client] {
        var clients: [Client] = []
        while clients.count < count || Set(clients.map(\.worker)).count < running.workerCount {
            guard clients.count < 200 else { throw Client.Failure(what: "all on one worker", code: 0) }
            clients.append(try open())
        }
        return clients
    }

    func stop() {
        running.stop()
        running.join()
    }

    deinit { stop() }
}

/// What handlers on any worker note for the test.
final class Ledger: @unchecked Sendable {
    private var lines: [String] = []
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        mutex.initialize(to: pthread_mutex_t())
        changed.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
    }

    func note(_ line: String) {
        pthread_mutex_lock(mutex)
        lines.append(line)
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    var all: [String] {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return lines
    }

    /// Waits until something stands in it; false when it does not come.
    func wait(seconds: Int = 10, for condition: ([String]) -> Bool) -> Bool {
        var end = timespec()
        clock_gettime(CLOCK_REALTIME, &end)
        end.tv_sec += seconds
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !condition(lines) {
            guard pthread_cond_timedwait(changed, mutex, &end) == 0 else { return condition(lines) }
        }
        return true
    }
}

/// Holds slow parts back until the test says so.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    var waitingCount: Int { state.withLock { $0.waiting.count } }
}
