// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Platform
import Testing

/// What becomes of memory: that which a blocked send names is there until it has been told, and that which is not
/// there is noticed.
@Suite struct FaultTests {
    /// Bytes that came while a stream was paused lie in memory of their own; they are echoed to a peer that is full.
    private struct BlockedEchoOfHeldBytes: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let (near, peer) = try pairs.make()
            let (full, silent) = try pairs.make(small: true)
            let rig = try Rig(make)
            let source = rig.add(near, slot: 0)
            let target = rig.add(full, slot: 1, receives: false)
            target.continues = false
            var dice = Dice(seed: 5)
            rig.send(target.key, dice.bytes(1 << 20))
            try rig.run("the peer is full") { !target.blocked.isEmpty }
            var sentCount = 0
            var echoCount = 0
            var blockedCount = 0
            for _ in 0..<10 {
                try peer.send(dice.bytes(60_000))
                sentCount += 60_000
                // A pause in the middle of a batch: what is behind it in the batch has to be kept somewhere.
                let before = source.receivedCount
                while source.receivedCount == before {
                    try rig.turn { stream, _ in if stream === source { rig.port.pause(source.key) } }
                }
                rig.port.receive(source.key)
                var echoed: [UInt8] = []
                let blocked = target.blocked.count
                try rig.run("a piece is echoed and blocked") {
                    guard echoed.isEmpty, source.receivedCount < sentCount else { return true }
                    try rig.turn { stream, piece in
                        guard stream === source, echoed.isEmpty else { return }
                        echoed = Array(piece)
                        rig.send(target.key, [piece])
                    }
                    return false
                }
                echoCount += echoed.isEmpty ? 0 : 1
                // What the kernel has sent on since may have made room for a small echo.
                for _ in 0..<3 where target.blocked.count == blocked { try rig.turn(1) }
                if target.blocked.count > blocked {
                    blockedCount += 1
                    let isRest = target.unsent == Array(echoed[(target.blocked.last ?? 0)...])
                    #expect(isRest)
                }
                try rig.run("all is received") { source.receivedCount == sentCount }
            }
            #expect(echoCount == 0 || blockedCount > 0, "an echo was blocked, where a port brings one")
            rig.expectOrder()
            silent.close()
        }
    }

    @Test("what a blocked send left can be read, though it came while its stream was paused", arguments: PortKind.all)
    func heldBytes(kind: PortKind) throws { try kind.check(BlockedEchoOfHeldBytes()) }

    private struct MissingMemory: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (near, peer) = try PairMaker().make()
            let rig = try Rig(make)
            let stream = rig.add(near, slot: 0)
            let page = try #require(mmap(nil, 4_096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
            defer { munmap(page, 4_096) }
            rig.send(stream.key, [UnsafeRawBufferPointer(start: page, count: 4_096)])
            try rig.run("the stream ends") { !stream.ended.isEmpty }
            #expect(stream.ended == [EFAULT])
            #expect(rig.port.counters.faults > 0)
            peer.close()
        }
    }

    /// Where freed memory is inaccessible the port traps instead: `make sanitize` sees to that.
    @Test(
        "memory that is not there ends the stream and is counted", .enabled(if: !IOMemory.isGuarded),
        arguments: PortKind.all)
    func missingMemory(kind: PortKind) throws { try kind.check(MissingMemory()) }
}
