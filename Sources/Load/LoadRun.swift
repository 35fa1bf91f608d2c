// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// Runs a load: chooses the port, and holds the copies of the loop that are compiled for each.
public enum LoadRun {
    /// Runs a scenario to its end on the calling thread: until every connection has come and gone.
    ///
    /// - Throws: `LoadError.port` when the port cannot be made or cannot go on.
    public static func run(_ configuration: LoadConfiguration, _ scenario: any LoadScenario) throws(LoadError) {
        do {
            try runOnPort(configuration, scenario)
        } catch {
            throw .port(error)
        }
    }

    private static func runOnPort(
        _ configuration: LoadConfiguration, _ scenario: any LoadScenario
    ) throws(PortError) {
        let selection = try PortSelection.select(configuration.port, disabled: configuration.disabledFeatures)
        if selection.port == .uring, let port = try uringPort(configuration, selection) {
            return try run(port, configuration, scenario)
        }
        try run(EpollPort(capacity: configuration.count), configuration, scenario)
    }

    /// The io_uring port; nil where the ring is refused and epoll may take its place.
    private static func uringPort(
        _ configuration: LoadConfiguration, _ selection: PortSelection
    ) throws(PortError) -> UringPort? {
        do throws(PortError) {
            return try UringPort(capacity: configuration.count, features: selection.features)
        } catch {
            _ = try selection.fallingBack(after: error)
            return nil
        }
    }

    private static func run<Port: CompletionPort & ~Copyable>(
        _ port: consuming Port, _ configuration: LoadConfiguration, _ scenario: any LoadScenario
    ) throws(PortError) {
        let start = MonotonicClock.now()
        let connector = Connector(configuration, start: start, doorbell: port.doorbell)
        var worker = LoadWorker(
            port: port, capacity: configuration.count, start: start, scenario: scenario, connector: connector)
        let thread = connector.begin()
        var failure: PortError?
        do {
            try worker.run()
        } catch {
            failure = error
        }
        connector.stop()
        if let thread { pthread_join(thread, nil) }
        // Not before the connector's last ring of the doorbell.
        _ = consume worker
        if let failure { throw failure }
    }
}
