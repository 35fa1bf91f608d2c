// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import Bots
internal import Foundation
internal import Load
internal import Overlapped

/// `gori bots`: players from another process.
struct BotsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bots", abstract: "Play with thousands of bots, measure the delay and check every answer.",
        discussion: """
            Example: gori bots --connect 127.0.0.1:7777 --count 5000 --duration 60 --json report.json

            Every bot moves once a second at its own times, whatever the server has answered; delays count from the \
            time at which a move was meant to be sent, while all bots are in the world. Exit 1 when a check fails.

            course: everybody walks where the server puts them.
            hotspot: everybody walks to the 8 x 8 tiles in the middle of the map and stays there, so that each sees \
            all others; in the end each must know exactly those who stand in view. From the edge of the map the way \
            takes five minutes; 'gori serve --spawn-area 8' lets players appear there.
            storm: --settled bots walk alone, then a wave of --count more logs in; the settled may wait twice as \
            long meanwhile. Example: gori bots --scenario storm --count 15000
            """)

    @Option(name: .customLong("connect"), help: "The server: host:port, [v6]:port or :port.")
    var endpoint = Endpoint("127.0.0.1:7777") ?? .address(.anyIPv4(port: 7_777))

    @Option(help: "How many bots; with storm, how many come in the wave.")
    var count = 1_000

    @Option(help: "What they play: course, mmo, hotspot, storm or hostile.")
    var scenario: Scenario = .course

    @Option(help: "Seconds for which all bots play; the time in which they connect comes on top.")
    var duration = 60

    @Option(help: "Connections per second. Default: 500; with storm 1500.")
    var ramp: Int?

    @Option(help: "With storm: bots that are in the world before the wave. Default: 500, or --count if that is less.")
    var settled: Int?

    @Option(help: "Decides names (bot-SEED-N), rhythms and walks: 0 to 4294967295.")
    var seed: UInt32 = 1

    @Option(name: .customLong("io"), help: "Completion port of the bots: auto, uring or epoll.")
    var port = PortPreference.auto

    @Option(help: "Write the report to this file as JSON; '-' is standard output.")
    var json: String?

    func validate() throws {
        try checkRange(count, 1...60_000, "--count")
        try checkRange(duration, 1...86_400, "--duration")
        if let ramp { try checkRange(ramp, 1...100_000, "--ramp") }
        guard scenario.isThere else {
            throw ValidationError("--scenario \(scenario.rawValue) is not there yet: use course, hotspot or storm")
        }
        if let settled {
            guard scenario == .storm else { throw ValidationError("--settled belongs to --scenario storm") }
            try checkRange(settled, 1...(Self.most - 1), "--settled")
        }
        guard total <= Self.most else {
            throw ValidationError("--count takes 1 to \(Self.most - settledBots) with \(settledBots) settled")
        }
        guard endpoint.port != 0 else { throw ValidationError("--connect needs the server's port, not 0") }
        if case .address(let target) = endpoint, let problem = sourceProblem(target) { throw ValidationError(problem) }
    }

    private static let most = 60_000

    /// Bots that are there before the others come.
    private var settledBots: Int { scenario == .storm ? settled ?? min(500, count) : 0 }

    private var total: Int { count + settledBots }

    private func configuration(for target: SocketAddress) -> BotsConfiguration {
        BotsConfiguration(
            scenario: scenario, address: target, count: count, ramp: ramp ?? (scenario == .storm ? 1_500 : 500),
            seconds: duration, seed: seed, settled: settledBots)
    }

    /// Why there are not enough source addresses for so many bots; nil: there are.
    private func sourceProblem(_ target: SocketAddress) -> String? {
        let perSource = LoadConfiguration.connectionsPerSource
        guard total > perSource, target.isIPv6 || !target.isLoopback else { return nil }
        return "--count above \(perSource) needs a server on 127.0.0.1, not \(target)"
    }

    func run() throws {
        try checkDescriptors()
        guard let target = try endpoint.resolved().first else { throw RunFailure("\(endpoint) has no address") }
        if let problem = sourceProblem(target) { throw RunFailure(problem) }
        var configuration = configuration(for: target)
        let disabled = ProcessInfo.processInfo.environment["GORI_URING_DISABLE"] ?? ""
        configuration.load.port = port
        configuration.load.disabledFeatures = UringFeatures(names: disabled) ?? []
        let isTerminal = isatty(STDERR_FILENO) == 1
        let report: BotsReport
        do {
            report = try BotsRun.play(configuration) {
                if isTerminal { Self.show($0) }
            } onPhase: {
                if isTerminal { Self.clearLine() }
                Output.log(line(of: $0))
            }
        } catch {
            if isTerminal { Self.clearLine() }
            throw Self.failure(error, target)
        }
        if isTerminal { Self.clearLine() }
        for line in report.summary { Output.log(line) }
        if let json { try Output.write(Data(report.json.utf8), to: json) }
        try judge(report)
    }

    private func checkDescriptors() throws {
        let limit = Sockets.raiseDescriptorLimit()
        let needed = total + 64
        guard limit < needed else { return }
        throw RunFailure(
            "\(total) bots need \(needed) open files and the limit is \(limit):"
                + " use --count \(max(limit - 64 - settledBots, 1)) or raise it with ulimit -Hn \(needed)")
    }

    private func line(of phase: BotsPhase) -> String {
        switch phase {
        case .wave: "wave: \(count) bots come to \(settledBots)"
        case .playing: "playing: everybody who came is in the world, for \(duration) s"
        case .played: "played"
        }
    }

    private func judge(_ report: BotsReport) throws {
        if let farewell = report.farewell {
            throw RunFailure(
                "the server at \(endpoint) shut down during the run ('\(farewell)'): start it again and repeat the run")
        }
        guard let check = report.checks.failed.first else { return }
        let others = report.checks.failed.count - 1
        let rest = others == 0 ? "" : " (and \(others) more)"
        throw RunFailure("check '\(check.rawValue)' failed: \(report.checks[check].detail)\(rest)")
    }

    private static func failure(_ error: LoadError, _ target: SocketAddress) -> RunFailure {
        switch error {
        case .cannotConnect(let cause):
            RunFailure("cannot \(cause); is a server there? Start one with: gori serve --listen \(target)")
        case .port: RunFailure("\(error)")
        }
    }

    // MARK: Terminal

    private static func show(_ progress: BotsProgress) { write("\r\u{1B}[K" + progress.line) }

    private static func clearLine() { write("\r\u{1B}[K") }

    private static func write(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

/// Scenarios are written by their names.
extension Scenario: ExpressibleByArgument {}
