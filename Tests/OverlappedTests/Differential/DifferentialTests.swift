// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing

/// The same bytes against both of the kernel's ways: the same delivered bytes and the same endings for each stream.
@Suite struct DifferentialTests {
    private static func play(_ script: Script, _ kind: PortKind, _ pairs: PairMaker) throws -> [Observation] {
        let run = ScriptRun(script: script, pairs: pairs)
        try kind.check(run)
        return run.result.observations
    }

    /// What the script says must have been seen, so that two ports cannot be wrong together.
    private static func judge(_ script: Script, _ seen: [Observation]) -> Bool {
        zip(script.streams, seen).allSatisfy { stream, seen in
            guard seen.delivered == stream.sent, seen.closed == 1, seen.otherEnds.isEmpty else { return false }
            guard seen.answer == (stream.echoes ? stream.sent : []) else { return false }
            return seen.finished == (stream.end == .peerFinishes ? 1 : 0)
                && seen.resets == (stream.end == .peerResets ? 1 : 0)
                && (seen.peerEnd != 0) == (stream.end == .serverResets)
        }
    }

    /// Every second seed with all that the kernel has, the others in one of io_uring's other shapes.
    private static let kinds: [PortKind] = [
        .uring(disabled: []), .uring(disabled: .all), .uring(disabled: []), .direct(disabled: []),
        .uring(disabled: []), .narrowUring(disabled: []),
    ]

    /// Seeds from here on, in parts that run side by side.
    private static let parts = Array(0..<(TestLevel.isFull ? 10 : 2))
    private static let partSize = TestLevel.isFull ? 100 : 50

    @Test("io_uring and epoll deliver the same bytes and the same endings, seed by seed", arguments: parts)
    func same(part: Int) throws {
        let pairs = try PairMaker()
        var differing: [UInt64] = []
        var wrong: [UInt64] = []
        for seed in part * Self.partSize..<(part + 1) * Self.partSize {
            let script = Script(seed: UInt64(seed))
            let uring = try Self.play(script, Self.kinds[seed % Self.kinds.count], pairs)
            let epoll = try Self.play(script, .epoll, pairs)
            if uring != epoll { differing.append(script.seed) }
            if !Self.judge(script, uring) || !Self.judge(script, epoll) { wrong.append(script.seed) }
        }
        #expect(differing.isEmpty, "seeds with different streams")
        #expect(wrong.isEmpty, "seeds that neither port may answer so")
    }
}
