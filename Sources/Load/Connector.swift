// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped
internal import Platform
internal import Synchronization

/// Makes the connections of a load on a thread of its own, each at its time of the ramp, so that waiting for a server
/// that is slow to accept delays nobody's schedule.
final class Connector: Sendable {
    /// A connection that came about, or the reason why it did not; after a failure no more are tried.
    struct Arrival {
        let connection: Int
        let outcome: Result<Int32, PortError>
    }

    private struct State {
        var arrivals: [Arrival] = []
        var isFinished = false
    }

    private let configuration: LoadConfiguration
    private let start: UInt64
    private let doorbell: Doorbell
    private let state = Lock(State())
    private let isStopped = Atomic<Bool>(false)

    init(_ configuration: LoadConfiguration, start: UInt64, doorbell: Doorbell) {
        self.configuration = configuration
        self.start = start
        self.doorbell = doorbell
    }

    deinit {
        for arrival in takeArrivals().arrivals {
            if case .success(let descriptor) = arrival.outcome { Sockets.close(descriptor) }
        }
    }

    /// Starts the thread. Whoever starts it joins it.
    func begin() -> pthread_t? {
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Connector>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard code == 0 else {
            Unmanaged.passUnretained(self).release()
            let error = PortError(call: "pthread_create", code: code)
            add(Arrival(connection: 0, outcome: .failure(error)), isLast: true)
            return nil
        }
        return thread
    }

    /// No more connections; one that is being made is still waited for.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// What has come since the last call, and whether nothing more will.
    func takeArrivals() -> (arrivals: [Arrival], isFinished: Bool) {
        state.withLock { state in
            let arrivals = state.arrivals
            state.arrivals.removeAll()
            return (arrivals, state.isFinished)
        }
    }

    private func run() {
        ThreadNames.set("gori-connect")
        for connection in 0..<configuration.count {
            sleep(until: start &+ UInt64(configuration.milliseconds(of: connection)) &* 1_000_000)
            if isStopped.load(ordering: .relaxed) { break }
            var outcome: Result<Int32, PortError>
            do {
                let source = configuration.source(of: connection)
                outcome = .success(try Dial.connect(to: configuration.address, source: source))
            } catch {
                outcome = .failure(error)
            }
            add(Arrival(connection: connection, outcome: outcome), isLast: false)
            if case .failure = outcome { break }
        }
        state.withLock { $0.isFinished = true }
        doorbell.ring()
    }

    private func add(_ arrival: Arrival, isLast: Bool) {
        state.withLock { state in
            state.arrivals.append(arrival)
            state.isFinished = isLast
        }
        doorbell.ring()
    }

    /// Sleeps in pieces, so that `stop` is heard also in a slow ramp.
    private func sleep(until deadline: UInt64) {
        while !isStopped.load(ordering: .relaxed) {
            let now = MonotonicClock.now()
            guard now < deadline else { return }
            let rest = min(deadline &- now, 100_000_000)
            var pause = timespec(tv_sec: 0, tv_nsec: Int(rest))
            nanosleep(&pause, nil)
        }
    }
}
