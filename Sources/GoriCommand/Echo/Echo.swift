// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Gori

/// `gori echo`: the benchmark target.
struct Echo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send back what comes: the benchmark target, without hello.",
        discussion: "Example: gori echo --listen 127.0.0.1:9000 --mode broadcast --group 10")

    /// What comes back.
    enum Mode: String, ExpressibleByArgument, CaseIterable {
        case echo
        case packet
        case broadcast
        case udp
    }

    @OptionGroup var options: ServerOptions

    @Option(help: "echo: bytes as they came; packet: whole packets; broadcast: to every member of a group.")
    var mode: Mode = .echo

    @Option(help: "Members of a group in broadcast, in order of arrival; 0: everybody.")
    var group = 10

    @Option(help: "Milliseconds of silence after which a connection is closed; 0: never.")
    var idleTimeout = 0

    @Flag(help: "Without the engine: blocking calls, and a thread for each connection. For comparisons.")
    var threadPerConnection = false

    @Option(help: "A report in JSON: not there yet.")
    var json: String?

    func validate() throws {
        guard json == nil else { throw ValidationError("--json of echo is not there yet: leave it out") }
        try checkRange(idleTimeout, 0...86_400_000, "--idle-timeout")
        try checkRange(group, 0...1_000_000, "--group")
        if mode == .udp { throw ValidationError("--mode udp is not there yet: use echo, packet or broadcast") }
        if threadPerConnection { try ThreadedEcho.check(options, idleTimeout: idleTimeout) }
    }

    func run() throws {
        if threadPerConnection { return try ThreadedEcho.run(mode, group: group, options) }
        var configuration = ServerConfiguration()
        try options.apply(to: &configuration)
        configuration.idleTimeout = idleTimeout
        let server = EchoServer.make(mode, group: group, configuration)
        do {
            try server.run(
                ready: { StartupReport.print($0, configuration) }, report: { CounterReport.log($0) },
                ended: { CounterReport.write($0, to: options.countersFile) })
        } catch {
            throw RunFailure("\(error)")
        }
    }
}
