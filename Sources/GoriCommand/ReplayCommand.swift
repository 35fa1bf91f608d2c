// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Foundation
internal import World

/// `gori replay`: plays the log of a run again and says whether it came out the same.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Play a recorded run again, on any number of regions, and compare.",
        discussion: """
            Example: gori replay run.log --regions 8

            Every session's output in every tick and every sector's state must be what 'gori serve --record' wrote
            down. Ends with 1 at the first that is not, and names it.
            """)

    @Argument(help: "The file that 'gori serve --record' wrote.")
    var file: String

    @Option(help: "Regions that the map is shared out among. Default: as many as when it was recorded.")
    var regions: Int?

    func validate() throws {
        if let regions { try checkRange(regions, 1...256, "--regions") }
    }

    func run() throws {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: file), options: .alwaysMapped)
        } catch {
            throw RunFailure("cannot read \(file): \(error.localizedDescription)")
        }
        do {
            try data.withUnsafeBytes { try replay($0) }
        } catch let fault as LogFault {
            throw RunFailure("\(file): \(fault)")
        }
    }

    private func replay(_ bytes: UnsafeRawBufferPointer) throws {
        let log = try RunLog(bytes)
        switch log.ending {
        case .end(.closed): break
        case .end(.fellBehind):
            Output.log("the log ends after tick \(log.lastTick): it could not be written as fast as the world went on")
        case .cut(let offset):
            Output.log(
                "the log ends after tick \(log.lastTick): it was cut off, its last whole entry ends at byte \(offset)")
        }
        var replay = try Replay(log, regions: regions ?? log.regions)
        guard let difference = try replay.run() else {
            let count = "\(replay.ticks) ticks, \(replay.commands) commands, \(replay.outputs) outputs"
            return Output.line("identical: \(count), \(replay.sectors) sector states, on \(replay.regions) regions")
        }
        switch difference {
        case .output(let tick, let session):
            let (worker, slot) = (session >> 56, session >> 32 & 0xFF_FFFF)
            let name = "\(worker).\(slot).\(session & 0xFFFF_FFFF)"
            throw RunFailure("different: in tick \(tick) session \(name) gets something else")
        case .sector(let tick, let sector):
            let place = "column \(sector.column), row \(sector.row)"
            throw RunFailure("different: after tick \(tick) the sector at \(place) is in another state")
        }
    }
}
