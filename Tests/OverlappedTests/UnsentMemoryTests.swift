// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// That receive memory which a send names stays as it was until its caller has been told what was not sent, also where
/// the kernel works for a ring while the worker is elsewhere.
@Suite struct UnsentMemoryTests {
    private static let size = 4_096

    /// Four buffers of one piece each, so that whatever comes needs them all.
    private func makeRig(_ techniques: PortTechniques) throws -> Rig<UringPort> {
        var sizes = UringSizes()
        sizes.buffers = 4
        let features = try UringPreflight.run(disabled: [.incrementalBuffers, .receiveLimit])
        return try Rig { [sizes] in
            try UringPort(capacity: $0, features: features, techniques: techniques, sizes: sizes)
        }
    }

    /// Leaves no room for anything to send.
    private func fill(_ descriptor: Int32) {
        let junk = [UInt8](repeating: 0, count: 65_536)
        var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // What has been sent may still be moved to the peer's side; a poll sees only much room.
        for _ in 0..<2 {
            repeat {
                while Glibc.send(descriptor, junk, junk.count, Int32(MSG_DONTWAIT)) > 0 {}
            } while poll(&room, 1, 100) == 1
        }
    }

    @Test(
        "what a send did not take is as it was when it is told",
        arguments: [PortTechniques(), .eagerTaskRun, .submissionPolling, [.eagerTaskRun, .oneShotReceive]])
    func unsent(techniques: PortTechniques) throws {
        let rig = try makeRig(techniques)
        let (near, peer) = try PairMaker().make()
        let (other, flooder) = try PairMaker().make()
        let stream = rig.add(near, slot: 0)
        rig.add(other, slot: 1)
        let question = [UInt8](repeating: 0x41, count: Self.size)
        try peer.send(question)
        var parts: [UnsafeRawBufferPointer] = []
        while parts.isEmpty { try rig.turn { stream, bytes in if stream.key.slot == 0 { parts.append(bytes) } } }
        fill(near)
        rig.send(stream.key, parts)
        try rig.port.wait(until: 0)
        try flooder.send([UInt8](repeating: 0x42, count: 8 * Self.size))
        // System calls are when the kernel works for a ring that does not defer it.
        for _ in 0..<1_000 { _ = getppid() }
        let next = rig.port.next()
        let first = try #require(next)
        #expect(first.kind == .blocked)
        var unsent: [UInt8] = []
        rig.port.withUnsent(first) { part, taken in unsent.append(contentsOf: part[taken...]) }
        #expect(unsent == [UInt8](question.suffix(unsent.count)) && unsent.count == parts.reduce(0) { $0 + $1.count })
    }
}
