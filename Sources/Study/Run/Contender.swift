// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// One side of a comparison: a server, and the load that is connected to it. Nobody else ever connects.
final class Contender {
    let side: Slice.Side
    private let isPeer: Bool
    private let settling: Int
    private let server: EchoChild
    private let load: Child

    /// Milliseconds in which all connections have to stand, and by which a slice may be late.
    private static let patience = 20_000

    init(_ variant: Variant, _ workload: Workload, _ side: Slice.Side, _ cores: Cores) throws(StudyError) {
        self.side = side
        isPeer = variant.peer != nil
        settling = variant.peer.map { Int(min(60, max(0, $0.settleSeconds)) * 1_000) } ?? 0
        server = try EchoChild(variant, workload, core: cores.server)
        // Threads of one server wait for each other where they have one processor.
        let isShared =
            variant.hasThreadPerConnection
            || variant.peer != nil && ProcessFacts.threads(of: server.process).count > 1
        let order = LoadOrder(
            port: server.port, server: server.process, workload: workload, spins: cores.load != nil,
            sharedCore: isShared ? cores.server : nil)
        guard let text = try? JSONEncoder().encode(order) else { throw .failed("no order") }
        load = try Child("the load", ["study-load", String(decoding: text, as: UTF8.self)], core: cores.load)
        guard try load.line(of: .output, within: Self.patience) == LoadOrder.connected else {
            throw .failed("the load did not connect")
        }
        try waitUntilAccepted()
    }

    /// Who joins a group late has missed what was said before, and the load would wait for it.
    private func waitUntilAccepted() throws(StudyError) {
        let deadline = Clock.now() + UInt64(Self.patience) * 1_000_000
        while let length = ListenQueue.length(of: server.port), length > 0 {
            guard Clock.now() < deadline else { throw .failed("not every connection was accepted") }
            try Interruption.check()
            poll(nil, 0, 5)
        }
    }

    /// The first slice, which is thrown away: memory is touched in it for the first time, and programs compile.
    func settle(_ settings: StudySettings, start: Int) throws(StudyError) {
        var longer = settings
        longer.warmUpMilliseconds = max(settings.warmUpMilliseconds, settling)
        _ = try slice(longer, start: start, rotation: -1)
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
        var slice = Slice(side: side, start: start, rotation: rotation, answer)
        if isPeer { slice.isWithoutCounters = true } else { slice.note(before, after) }
        slice.note(switchesBefore, switches)
        return slice
    }

    func facts() -> ServerFacts { server.facts() }

    /// The load first: the server then has nobody to say good-bye to.
    func stop() {
        load.stop()
        server.stop()
    }
}
