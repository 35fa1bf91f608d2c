// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Gori
internal import Overlapped

/// The options that `serve` and `echo` share.
struct ServerOptions: ParsableArguments {
    @Option(name: .customLong("listen"), help: "host:port, [v6]:port or :port; may be given more than once.")
    var endpoints: [Endpoint] = []

    @OptionGroup var engine: EngineOptions

    @Option(name: .customLong("counters"), help: "Write the counters to this file as JSON at the end.")
    var countersFile: String?

    @Option(help: "MiB that the sessions may hold together; those that hold the most end. Default: a quarter of all.")
    var memoryLimit: Int?

    func validate() throws {
        if let memoryLimit { try checkRange(memoryLimit, 1...(1 << 20), "--memory-limit") }
    }

    /// Fills in what these options decide.
    func apply(to configuration: inout ServerConfiguration) throws {
        configuration.addresses = try endpoints.flatMap { try $0.resolved().prefix(1) }
        engine.apply(to: &configuration)
        if let memoryLimit { configuration.memoryLimit = memoryLimit << 20 }
    }
}
