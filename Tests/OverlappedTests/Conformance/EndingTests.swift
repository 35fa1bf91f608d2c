// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// What ports promise about the ends of streams.
@Suite struct EndingTests {
    private struct ResetOnce: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(make)
            for slot in 0..<32 {
                let (near, peer) = try pairs.make(small: slot & 4 != 0)
                let stream = rig.add(near, slot: slot)
                try rig.turn(0)
                if slot & 1 != 0 { try peer.send([1, 2, 3]) }
                if slot & 4 != 0 {
                    // A tracked send is under way when the peer goes.
                    rig.send(stream.key, [UInt8](repeating: 1, count: 1 << 20))
                    try rig.turn(0)
                }
                if slot & 8 != 0 { try peer.send([UInt8](repeating: 4, count: 3_000)) }
                peer.reset()
                if slot & 2 != 0, stream.tracked == nil { rig.send(stream.key, [7]) }
                try rig.run("ended, slot \(slot)") { stream.ended.count == 1 }
                let code = stream.ended.first ?? 0
                #expect([ECONNRESET, EPIPE].contains(code))
                // Sends and receives of a dead stream do nothing.
                if stream.tracked == nil { rig.send(stream.key, [8]) }
                rig.port.receive(stream.key)
                for _ in 0..<3 { try rig.turn(1) }
                rig.port.close(stream.key, hard: false)
                try rig.run("closed, slot \(slot)") { stream.closed == 1 }
                for _ in 0..<2 { try rig.turn(1) }
                #expect(stream.ended.count == 1)
                #expect(stream.closed == 1)
            }
            rig.expectOrder()
        }
    }

    @Test("a reset ends a stream once, and only closed follows", arguments: PortKind.all)
    func reset(kind: PortKind) throws { try kind.check(ResetOnce()) }

    /// Bytes and a reset behind them, all there before anybody receives: at first, and when a pause is over.
    private struct ResetBefore: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(make)
            for slot in 0..<16 {
                let (near, peer) = try pairs.make()
                let isPaused = slot & 1 != 0
                let stream = isPaused ? rig.add(near, slot: slot) : nil
                if let stream {
                    try rig.turn(0)
                    rig.port.pause(stream.key)
                    for _ in 0..<2 { try rig.turn(0) }
                }
                try peer.send([UInt8](repeating: 1, count: slot & 2 != 0 ? 3 : 20_000))
                peer.reset()
                if let stream { rig.port.receive(stream.key) }
                let told = stream ?? rig.add(near, slot: slot)
                try rig.run("ended, slot \(slot)") { told.ended.count == 1 }
                rig.port.close(told.key, hard: true)
                try rig.run("closed, slot \(slot)") { told.closed == 1 }
            }
            rig.expectOrder()
        }
    }

    @Test("a reset that was there before the receive is told", arguments: PortKind.all)
    func resetBefore(kind: PortKind) throws { try kind.check(ResetBefore()) }

    private struct ClosedOnce: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(capacity: 2, make)
            for generation in UInt32(1)...60 {
                let (near, peer) = try pairs.make(small: generation % 5 == 0)
                let stream = rig.add(near, slot: 1, generation: generation, receives: generation % 3 != 0)
                if generation % 2 == 0 { try rig.turn(0) }
                if generation % 5 == 0 {
                    rig.send(stream.key, [UInt8](repeating: 1, count: 1 << 20))
                    try rig.turn(0)
                }
                if generation % 4 == 0 { rig.port.pause(stream.key) }
                if generation % 7 == 0 { try peer.send([1, 2, 3]) }
                rig.port.close(stream.key, hard: generation % 11 < 5)
                rig.port.close(stream.key, hard: generation % 6 == 0)
                try rig.run("closed, generation \(generation)") { stream.closed == 1 }
                rig.port.close(stream.key, hard: true)
                // The slot is free at once.
                let (nextNear, nextPeer) = try pairs.make()
                let next = rig.add(nextNear, slot: 1, generation: generation + 1_000)
                try nextPeer.send([UInt8(generation)])
                try rig.run("bytes of the next one") { next.receivedCount == 1 }
                #expect(next.bytes == [UInt8(generation)])
                rig.port.close(next.key, hard: false)
                try rig.run("the next one closed") { next.closed == 1 }
                #expect(stream.closed == 1)
            }
            rig.expectOrder()
        }
    }

    @Test("closed comes exactly once, and its slot can be used anew at once", arguments: PortKind.all)
    func closed(kind: PortKind) throws { try kind.check(ClosedOnce()) }

    private struct OldKeys: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(make)
            let (oldNear, oldPeer) = try pairs.make()
            let old = rig.add(oldNear, slot: 5, generation: 1)
            try rig.turn(0)
            try oldPeer.send([9, 9, 9])
            rig.port.close(old.key, hard: true)
            try rig.run("closed") { old.closed == 1 }
            let count = old.receivedCount
            let (near, peer) = try pairs.make()
            let stream = rig.add(near, slot: 5, generation: 2)
            rig.send(old.key, [1, 2, 3])
            rig.port.pause(old.key)
            rig.port.receive(old.key)
            rig.port.finish(old.key)
            rig.port.close(old.key, hard: true)
            try peer.send([4, 5])
            try rig.run("bytes of the new stream") { stream.receivedCount == 2 }
            rig.send(stream.key, [6])
            try rig.turn(0)
            #expect(try peer.receive(exactly: 1) == [6])
            #expect(old.receivedCount == count)
            rig.port.close(stream.key, hard: false)
            try rig.run("closed") { stream.closed == 1 }
            #expect(try peer.receive(upTo: 1).isEmpty)
            rig.expectOrder()
        }
    }

    @Test("calls with the key of a closed stream do nothing to its successor", arguments: PortKind.all)
    func oldKeys(kind: PortKind) throws { try kind.check(OldKeys()) }

    private struct OrderlyFinish: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(make)
            for slot in 0..<16 {
                let (near, peer) = try pairs.make()
                let stream = rig.add(near, slot: slot)
                if slot % 4 == 1 { try peer.send([UInt8](repeating: 5, count: 20_000)) }
                if slot % 4 == 2 { try rig.turn(0) }
                if slot % 4 == 3 { rig.port.pause(stream.key) }
                rig.send(stream.key, [1, 2, 3])
                try rig.turn(0)
                rig.port.finish(stream.key)
                let more = [UInt8](repeating: 6, count: 500)
                for _ in 0..<80 {
                    try peer.send(more)
                    try rig.turn(0)
                }
                #expect(try peer.receiveAll() == [1, 2, 3], "an end of stream, not a reset")
                #expect(stream.closed == 0, "the peer has not finished")
                peer.finishSending()
                try rig.run("closed, slot \(slot)") { stream.closed == 1 }
                #expect(try peer.receive(upTo: 1).isEmpty, "still no reset")
            }
            rig.expectOrder()
        }
    }

    @Test("finish is an end of stream to a peer that goes on sending up to 64 KiB", arguments: PortKind.all)
    func finish(kind: PortKind) throws { try kind.check(OrderlyFinish()) }

    private struct EndlessPeer: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (near, peer) = try PairMaker().make()
            let rig = try Rig(make)
            let stream = rig.add(near, slot: 0)
            rig.port.finish(stream.key)
            let flood = [UInt8](repeating: 1, count: 65_536)
            try rig.run("closed") {
                _ = flood.withUnsafeBytes { peer.sendSome($0) }
                return stream.closed == 1
            }
            rig.expectOrder()
        }
    }

    @Test("a peer that never stops sending does not keep a finished stream alive", arguments: PortKind.all)
    func endlessPeer(kind: PortKind) throws { try kind.check(EndlessPeer()) }

    private struct HardClose: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(make)
            for slot in 0..<12 {
                let (near, peer) = try pairs.make(small: slot % 3 == 2)
                let stream = rig.add(near, slot: slot, receives: slot % 2 == 0)
                if slot % 3 != 0 { try rig.turn(0) }
                if slot % 3 == 2 {
                    rig.send(stream.key, [UInt8](repeating: 1, count: 1 << 20))
                    try rig.turn(0)
                }
                if slot % 4 == 1 { rig.port.close(stream.key, hard: false) }
                rig.port.close(stream.key, hard: true)
                try rig.run("closed") { stream.closed == 1 }
                guard slot % 4 != 1 else { continue }
                #expect(throws: Peer.Failure(call: "recv", code: ECONNRESET)) { _ = try peer.receiveAll() }
            }
            rig.expectOrder()
        }
    }

    @Test("a hard close is a reset", arguments: PortKind.all)
    func hardClose(kind: PortKind) throws { try kind.check(HardClose()) }

    private struct FinishThenClose: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(capacity: 2, make)
            for generation in UInt32(1)...40 {
                let (near, peer) = try pairs.make()
                let stream = rig.add(near, slot: 1, generation: generation)
                rig.send(stream.key, [1, 2, 3])
                try rig.turn(0)
                if generation % 4 == 1 { peer.finishSending() }
                if generation % 4 == 2 { peer.reset() }
                rig.port.finish(stream.key)
                if generation % 3 == 0 { try rig.turn(0) }
                rig.port.close(stream.key, hard: generation % 2 == 0)
                try rig.run("closed, generation \(generation)") { stream.closed == 1 }
                if generation % 4 < 2 { #expect(try peer.receive(exactly: 3) == [1, 2, 3] || generation % 2 == 0) }
                let (nextNear, nextPeer) = try pairs.make()
                let next = rig.add(nextNear, slot: 1, generation: generation + 1_000)
                rig.send(next.key, [4])
                try rig.turn(1)
                #expect(try nextPeer.receive(exactly: 1) == [4], "nothing of the old stream ends the new one")
                rig.port.close(next.key, hard: true)
                try rig.run("the next one closed") { next.closed == 1 }
                #expect(throws: Peer.Failure(call: "recv", code: ECONNRESET)) { _ = try nextPeer.receiveAll() }
            }
            rig.expectOrder()
        }
    }

    @Test("a finish overtaken by a close closes once and touches no successor", arguments: PortKind.all)
    func finishThenClose(kind: PortKind) throws { try kind.check(FinishThenClose()) }

    /// A local socket ends another way than TCP: a receive that the kernel gets only when the socket is shut down, with
    /// bytes waiting, may never hear of the end.
    private struct ClosedBeforeSubmitted: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let rig = try Rig(make)
            for slot in 0..<16 {
                var ends: [Int32] = [-1, -1]
                let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
                try #require(socketpair(AF_UNIX, type, 0, &ends) == 0)
                let peer = Peer(ends[1])
                let stream = rig.add(ends[0], slot: slot)
                if slot % 2 == 1 { try rig.turn(0) }
                if slot % 4 < 2 { try peer.send([UInt8](repeating: 1, count: 300)) }
                rig.port.close(stream.key, hard: slot % 8 > 3)
                try rig.run("closed") { stream.closed == 1 }
                _ = try? peer.receiveAll()
            }
            rig.expectOrder()
        }
    }

    @Test("a local socket closes whatever of it is on its way", arguments: PortKind.all)
    func closedBeforeSubmitted(kind: PortKind) throws { try kind.check(ClosedBeforeSubmitted()) }

    private struct Dropped: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            for round in 0..<20 {
                let (near, peer) = try pairs.make()
                let (open, openPeer) = try pairs.make()
                var port = try make(4)
                try port.open()
                let keys = (0..<2).map { CompletionKey(slot: $0, generation: 1) }
                port.associate(near, key: keys[0])
                port.associate(open, key: keys[1])
                if round % 2 == 0 { port.receive(keys[1]) }
                port.close(keys[0], hard: false)
                // Closed in the kernel, and nobody has looked: the number is somebody else's already.
                try port.wait(until: 0)
                #expect(try peer.receiveAll().isEmpty)
                let next = try (0..<4).map { _ in try pairs.make() }
                _ = consume port
                #expect(try openPeer.receiveAll().isEmpty, "what was open is closed with its port")
                for (descriptor, peer) in next {
                    let own = Peer(descriptor)
                    try peer.send([7])
                    #expect(try own.receive(exactly: 1) == [7], "a stranger's socket was closed")
                }
            }
        }
    }

    @Test("a port that goes closes what is its own and nothing else", arguments: PortKind.all)
    func dropped(kind: PortKind) throws { try kind.check(Dropped()) }
}
