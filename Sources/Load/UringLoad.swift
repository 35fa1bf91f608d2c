// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// Loads over io_uring: the copy of the loop that is compiled for `UringPort`.
public enum UringLoad {
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
        let features = try UringPreflight.run(disabled: configuration.disabledFeatures)
        let port = try UringPort(capacity: configuration.count, features: features)
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
