// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// One side of a comparison: a server, and the load that is connected to it. Nobody else ever connects.
final class Contender {
    let side: Slice.Side
    private let server: EchoChild
    private let load: Child

    /// Milliseconds in which all connections have to stand, and by which a slice may be late.
    private static let patience = 20_000

    init(_ variant: Variant, _ workload: Workload, _ side: Slice.Side, _ cores: Cores) throws(StudyError) {
        self.side = side
        server = try EchoChild(variant, workload, core: cores.server)
        let order = LoadOrder(
            port: server.port, server: server.process, workload: workload, spins: cores.load != nil)
        guard let text = try? JSONEncoder().encode(order) else { throw .failed("no order") }
        load = try Child("the load", ["study-load", String(decoding: text, as: UTF8.self)], core: cores.load)
        guard try load.line(of: .output, within: Self.patience) == LoadOrder.connected else {
            throw .failed("the load did not connect")
        }
    }

    /// Loads the server for a while.
    func slice(_ settings: StudySettings, start: Int, rotation: Int) throws(StudyError) -> Slice {
        let before = try server.counters()
        let switchesBefore = ProcessFacts.switches(of: server.process)
        try load.tell("\(settings.warmUpMilliseconds) \(settings.sliceMilliseconds)")
        let line = try load.line(
            of: .output, within: settings.warmUpMilliseconds + settings.sliceMilliseconds + Self.patience)
        let switches = ProcessFacts.switches(of: server.process)
        let after = try server.counters()
        guard let answer = try? JSONDecoder().decode(LoadAnswer.self, from: Data(line.utf8)) else {
            throw .failed("the load said '\(line)'")
        }
        func counted(_ group: String, _ name: String) -> UInt64 {
            (after[group]?[name] ?? 0) &- (before[group]?[name] ?? 0)
        }
        return Slice(
            side: side, start: start, rotation: rotation, messages: answer.messages, seconds: answer.seconds,
            serverNanoseconds: answer.serverNanoseconds, loadNanoseconds: answer.loadNanoseconds,
            withoutCore: answer.withoutCore, p50: answer.p50, p99: answer.p99, p999: answer.p999,
            allMessages: answer.allMessages, systemCalls: counted("port", "systemCalls"),
            completions: counted("port", "completions"), sends: counted("workers", "sends"),
            bytesSent: counted("workers", "bytesSent"), bytesCopied: counted("workers", "bytesBacklogged"),
            switchesVoluntary: switches.voluntary &- switchesBefore.voluntary,
            switchesForced: switches.forced &- switchesBefore.forced, submissions: counted("port", "submissions"))
    }

    func facts() -> ServerFacts { server.facts() }

    /// The load first: the server then has nobody to say good-bye to.
    func stop() {
        load.stop()
        server.stop()
    }
}
