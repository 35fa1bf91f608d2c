// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// One measurement of the world: a server that nobody has used yet, and players who come, walk once a second and leave.
///
/// The other side does not run meanwhile: players have a session each, so both would be loaded at once otherwise.
struct CourseRun {
    /// What `gori bots` reports, as far as it is used here; delays are in milliseconds.
    struct Report: Decodable {
        struct Delay: Decodable {
            var p50: Double
            var p99: Double
            var p999: Double
        }

        struct Check: Decodable {
            var name: String
            var ok: Bool
            var detail: String
        }

        enum CodingKeys: String, CodingKey {
            case delay, checks
            case deliveries = "deliveries_per_second"
        }

        var delay: Delay
        var deliveries: Double
        var checks: [Check]
    }

    /// Connections a second.
    private static let ramp = 1_000
    /// Milliseconds for players to come beyond the ramp, and by which bots may be late.
    private static let patience = 30_000

    let workload: Workload
    let settings: StudySettings
    let cores: Cores

    /// - Returns: the slice, and what was seen of the server when players had stopped.
    func slice(
        _ variant: Variant, _ side: Slice.Side, rotation: Int
    ) throws(StudyError) -> (slice: Slice, facts: ServerFacts) {
        let server = try EchoChild(variant, workload, core: cores.server)
        defer { server.stop() }
        guard let clock = Clock.processor(of: server.process) else { throw .failed("no process \(server.process)") }
        let seconds = settings.sliceMilliseconds / 1_000
        let bots = try Child(
            "gori bots",
            [
                "bots", "--connect", "127.0.0.1:\(server.port)", "--scenario", "course", "--count",
                "\(workload.connections)", "--io", "epoll", "--ramp", "\(Self.ramp)", "--duration", "\(seconds)",
                "--json", "-",
            ], core: cores.load)
        defer { bots.stop() }
        let coming = 1_000 * workload.connections / Self.ramp + Self.patience
        try bots.wait(for: "playing: ", of: .errors, within: coming)
        let before = try Moment(server, bots, clock)
        try bots.wait(for: "played", of: .errors, within: settings.sliceMilliseconds + Self.patience)
        let after = try Moment(server, bots, clock)
        let facts = server.facts()
        let report = try Self.report(of: bots)
        return (Self.slice(side, rotation, before, after, report), facts)
    }

    /// What is read when players begin and when they stop.
    private struct Moment {
        let time = Clock.now()
        let server: UInt64
        let load: UInt64
        let waited: UInt64
        let switches: ProcessFacts.Switches
        let counters: EchoChild.Counters

        init(_ server: EchoChild, _ bots: Child, _ clock: clockid_t) throws(StudyError) {
            self.server = Clock.read(clock)
            load = Clock.processor(of: bots.process).map(Clock.read) ?? 0
            waited = ProcessFacts.nanosecondsWithoutCore(of: [server.process, bots.process])
            switches = ProcessFacts.switches(of: server.process)
            counters = try server.counters()
        }
    }

    private static func report(of bots: Child) throws(StudyError) -> Report {
        var text = ""
        while !text.hasSuffix("\n}\n") { text += try bots.line(of: .output, within: patience) + "\n" }
        guard let report = try? JSONDecoder().decode(Report.self, from: Data(text.utf8)) else {
            throw .failed("gori bots said '\(text.prefix(200))'")
        }
        guard let failed = report.checks.first(where: { !$0.ok }) else { return report }
        throw .failed("players found a fault, '\(failed.name)': \(failed.detail)")
    }

    private static func slice(
        _ side: Slice.Side, _ rotation: Int, _ before: Moment, _ after: Moment, _ report: Report
    ) -> Slice {
        let seconds = Double(after.time - before.time) / 1e9
        let delivered = UInt64(max(0, report.deliveries * seconds))
        var slice = Slice(
            side: side, start: rotation, rotation: rotation,
            LoadAnswer(
                messages: delivered, seconds: seconds, serverNanoseconds: after.server - before.server,
                loadNanoseconds: after.load - before.load,
                withoutCore: Double(after.waited &- before.waited) / 1e9 / seconds, p50: report.delay.p50 * 1_000,
                p99: report.delay.p99 * 1_000, p999: report.delay.p999 * 1_000, allMessages: delivered))
        slice.note(before.counters, after.counters)
        slice.note(before.switches, after.switches)
        return slice
    }
}
