// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Gori
internal import Storage
internal import World
internal import WorldServer

/// `gori serve`: the game server.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the world: log in, walk, chat.",
        discussion: "Example: gori serve --listen 127.0.0.1:7777 --workers 2 --tick 50")

    @OptionGroup var options: ServerOptions

    @Option(help: "Milliseconds from tick to tick, 20 to 100.")
    var tick = 50

    @Option(help: "Starts every draw of the world.")
    var seed: UInt64 = 1

    @Option(help: "Milliseconds between two moves of a player; 0: no limit.")
    var moveInterval = 250

    @Option(help: "Side in tiles of the square in the middle of the map where players appear; 0: the whole map.")
    var spawnArea = 0

    @Option(help: "Milliseconds of silence after which a session is pinged; it ends after three.")
    var heartbeat = 10_000

    @Option(help: "Milliseconds that a connection has to say hello.")
    var helloTimeout = 5_000

    @Option(help: "A file to write the log of the run into, for 'gori replay'.")
    var record: String?

    @Option(help: "Monsters in the world. They sleep where nobody is.")
    var monsters = 0

    @Option(help: "The SQLite file with accounts and positions; 'off' keeps them in memory, until the server ends.")
    var database = "data/gori.sqlite"

    @Option(help: "The live page's address: 'off' is all there is so far.")
    var console = "off"

    @Option(help: "A configuration file: not there yet.")
    var config: String?

    @Option(help: "Least log level: debug, info, warning or error.")
    var logLevel: LogLevel = .info

    func validate() throws {
        try checkRange(tick, 20...100, "--tick")
        try checkRange(moveInterval, 0...60_000, "--move-interval")
        try checkRange(spawnArea, 0...65_535, "--spawn-area")
        try checkRange(monsters, 0...Monsters.most, "--monsters")
        try checkRange(heartbeat, 100...65_535, "--heartbeat")
        try checkRange(helloTimeout, 100...600_000, "--hello-timeout")
        guard !database.contains("://") else {
            throw ValidationError("--database takes the path of a file or off: '\(database)' is not there yet")
        }
        guard !database.isEmpty else { throw ValidationError("--database takes the path of a file or off") }
        guard console == "off" else { throw ValidationError("--console is not there yet: leave it out or say off") }
        guard config == nil else { throw ValidationError("--config is not there yet: leave it out") }
    }

    func run() throws {
        var configuration = ServerConfiguration()
        try options.apply(to: &configuration)
        configuration.heartbeat = heartbeat
        configuration.helloTimeout = helloTimeout
        let world = WorldConfiguration(
            tickMilliseconds: tick, moveIntervalMilliseconds: moveInterval, seed: seed,
            spawnArea: spawnArea == 0 ? nil : spawnArea, monsters: monsters)
        let accounts = try openAccounts()
        let status = TickStatus(workerCount: configuration.workers)
        let regions = RegionMap(world, regions: configuration.workers).count
        let recording = try record.map {
            try Recording(path: $0, world, workers: configuration.workers, regions: regions)
        }
        let server = WorldBinding.make(
            configuration, world: world, accounts: accounts, status: status, recorder: recording?.recorder)
        server.onLog { Output.log($0) }
        let fingerprint = String(WorldProtocol.fingerprint, radix: 16)
        let lines = [
            "world: \(world.width) × \(world.height) tiles, tick \(tick) ms, seed \(seed), regions: \(regions),"
                + " monsters: \(monsters)",
            "protocol: version \(WorldProtocol.version), fingerprint \(fingerprint)",
            "accounts: \(database == "off" ? "in memory, forgotten when the server ends" : database)",
        ]
        let outcome = Result {
            try server.run(
                ready: { StartupReport.print($0, configuration, extra: lines, isQuiet: logLevel > .info) },
                report: { CounterReport.log($0, world: status.json) },
                ended: { running in
                    CounterReport.write(running, world: status.json, to: options.countersFile)
                    recording?.finish()
                })
        }
        // However the server ended, what players did is saved.
        let closing = Result { try accounts.close() }
        do {
            try outcome.get()
            try closing.get()
        } catch {
            throw RunFailure("\(error)")
        }
    }

    private func openAccounts() throws -> AccountService {
        do {
            let store = try database == "off" ? AccountStore() : AccountStore(path: database)
            return AccountService(store) { Output.log($0) }
        } catch {
            throw RunFailure("\(error)")
        }
    }
}

/// How much is logged.
enum LogLevel: String, ExpressibleByArgument, CaseIterable, Comparable {
    case debug
    case info
    case warning
    case error

    static func < (left: LogLevel, right: LogLevel) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
}
