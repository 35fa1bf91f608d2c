// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// What ports promise about bytes that go out.
@Suite struct SendingTests {
    /// 64 MiB in which every page is different, shared by all runs because it is only read.
    private final class Ocean: @unchecked Sendable {
        static let shared = Ocean()
        let bytes: UnsafeMutableRawBufferPointer

        private init() {
            bytes = .allocate(byteCount: 64 << 20, alignment: 4_096)
            var dice = Dice(seed: 1)
            let block = dice.bytes(1 << 20)
            for start in stride(from: 0, to: bytes.count, by: block.count) {
                UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + block.count]).copyBytes(from: block)
            }
            for page in stride(from: 0, to: bytes.count, by: 4_096) {
                bytes.storeBytes(of: UInt64(page), toByteOffset: page, as: UInt64.self)
            }
        }
    }

    private struct SlowPeer: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let ocean = UnsafeRawBufferPointer(Ocean.shared.bytes)
            let (near, peer) = try PairMaker().make()
            let rig = try Rig(make)
            let stream = rig.add(near, slot: 0)
            rig.send(
                stream.key, (0..<64).map { UnsafeRawBufferPointer(rebasing: ocean[$0 << 20..<($0 + 1) << 20]) })
            try rig.turn(0)
            #expect(stream.blocked.count == 1)
            let taken = stream.blocked.first ?? 0
            #expect(taken >= 0 && taken < ocean.count)
            #expect(stream.unsent.count == ocean.count - taken)
            let isRest = stream.unsent.withUnsafeBytes { rest -> Bool in
                guard let a = rest.baseAddress, let b = ocean.baseAddress else { return false }
                return memcmp(a, b + taken, rest.count) == 0
            }
            #expect(isRest, "withUnsent gives exactly the rest")
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
            defer { memory.deallocate() }
            var offset = 0
            var isSame = true
            try rig.run(seconds: 30, "64 MiB") {
                for _ in 0..<4 {
                    guard let got = try peer.receiveSome(memory) else { break }
                    guard let a = memory.baseAddress, let b = ocean.baseAddress, offset + got <= ocean.count else {
                        isSame = false
                        return true
                    }
                    isSame = isSame && memcmp(a, b + offset, got) == 0
                    offset += got
                }
                return offset == ocean.count && stream.drained > 0
            }
            #expect(isSame)
            #expect(stream.drained == 1)
            rig.expectOrder()
        }
    }

    @Test("64 MiB to a slow peer: blocked, the exact rest, drained, byte for byte", arguments: PortKind.all)
    func slowPeer(kind: PortKind) throws { try kind.check(SlowPeer()) }

    private struct BlockedFirst: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(make)
            var peers: [Peer] = []
            let streams = try (0..<40).map { slot in
                let (near, peer) = try pairs.make(small: slot < 20)
                peers.append(peer)
                return rig.add(near, slot: slot)
            }
            try rig.turn(0)
            let large = [UInt8](repeating: 9, count: 256 << 10)
            for round in 0..<10 {
                for (index, peer) in peers.enumerated() where index % 3 == round % 3 && peer.descriptor >= 0 {
                    try peer.send([1, 2, 3])
                }
                if round == 5 { peers[30].reset() }
                for stream in streams.prefix(20) where stream.tracked == nil {
                    stream.continues = false
                    rig.send(stream.key, large)
                }
                rig.send(streams[30].key, [7])
                let before = streams.prefix(20).map(\.blocked.count)
                let batch = try rig.turn(0)
                let first = batch.prefix { $0.kind == .blocked }
                #expect(Set(first.map(\.key)).count >= 20, "every blocked send of the turn stands first")
                for (stream, count) in zip(streams, before) { #expect(stream.blocked.count == count + 1) }
            }
            try rig.run("the reset of one of them") { !streams[30].ended.isEmpty }
            rig.expectOrder()
        }
    }

    @Test("blocked comes before any other completion of its batch", arguments: PortKind.all)
    func blockedFirst(kind: PortKind) throws { try kind.check(BlockedFirst()) }

    private struct OwnCompletions: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (near, peer) = try PairMaker().make(small: true)
            let rig = try Rig(make)
            let stream = rig.add(near, slot: 0)
            rig.port.start(.disconnect, on: peer.descriptor, key: CompletionKey(slot: 1, generation: 1))
            rig.send(stream.key, [UInt8](repeating: 1, count: 4 << 20))
            try rig.turn(0)
            #expect(stream.blocked.count == 1)
            rig.expectOrder()
        }
    }

    @Test("blocked comes before what the port completes without the kernel", arguments: PortKind.all)
    func blockedBeforeOwn(kind: PortKind) throws { try kind.check(OwnCompletions()) }

    private struct Gather: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (near, peer) = try PairMaker().make()
            let rig = try Rig(make)
            let stream = rig.add(near, slot: 0)
            var dice = Dice(seed: 5)
            for count in [1, 2, 3, 63, 64] {
                let parts = (0..<count).map { dice.bytes($0 % 3 == 0 ? 1 : dice.within(1...2_000)) }
                let memory = parts.map { part in
                    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: part.count, alignment: 1)
                    copy.copyBytes(from: part)
                    return copy
                }
                rig.send(stream.key, memory.map { UnsafeRawBufferPointer($0) })
                try rig.turn(0)
                // Settled: the memory is the caller's again.
                for part in memory { part.initializeMemory(as: UInt8.self, repeating: 0xEE) }
                let whole = parts.flatMap { $0 }
                #expect(try peer.receive(exactly: whole.count) == whole)
                for part in memory { part.deallocate() }
            }
            rig.expectOrder()
        }
    }

    @Test(
        "a gather list of up to 64 parts arrives as one, and its memory is free when it is settled",
        arguments: PortKind.all)
    func gather(kind: PortKind) throws { try kind.check(Gather()) }

    private struct ManyFailures: PortRule {
        let count: Int

        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(capacity: count, make)
            var peers: [Peer] = []
            let streams = try (0..<count).map { slot in
                let (near, peer) = try pairs.make(small: true)
                peers.append(peer)
                let stream = rig.add(near, slot: slot)
                stream.continues = false
                return stream
            }
            let large = [UInt8](repeating: 3, count: 64 << 10)
            try large.withUnsafeBytes { bytes in
                for round in 0..<3 {
                    if round == 2 {
                        for index in stride(from: 0, to: count, by: 2) { peers[index].reset() }
                    }
                    for stream in streams where stream.ended.isEmpty { rig.send(stream.key, [bytes]) }
                    try rig.turn(0)
                }
            }
            try rig.run("an end of every other stream") {
                streams.enumerated().allSatisfy { $0.offset % 2 == 1 || $0.element.ended.count == 1 }
            }
            for (index, stream) in streams.enumerated() {
                #expect(stream.blocked.count == (index % 2 == 0 ? 2 : 3))
                #expect(stream.ended.count == (index % 2 == 0 ? 1 : 0))
            }
            rig.expectOrder()
        }
    }

    @Test("thousands of sends that fail in one turn are each told", .manySockets, arguments: PortKind.all)
    func manyFailures(kind: PortKind) throws { try kind.check(ManyFailures(count: TestLevel.isFull ? 2_000 : 700)) }

    private struct NobodyLooks: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(capacity: 512, make)
            var peers: [Peer] = []
            let streams = try (0..<512).map { slot in
                let (near, peer) = try pairs.make()
                peers.append(peer)
                return rig.add(near, slot: slot)
            }
            // More completions than any completion queue holds, and nobody takes them.
            for round in 0..<40 {
                for peer in peers { try peer.send([UInt8(round)]) }
                try rig.port.wait(until: 0)
            }
            try rig.run("40 bytes of each of 512 streams") { streams.allSatisfy { $0.receivedCount >= 40 } }
            let expected = (0..<40).map { UInt8($0) }
            #expect(streams.allSatisfy { $0.bytes == expected })
            rig.expectOrder()
        }
    }

    @Test(
        "a queue of completions that overflows loses nothing and keeps the order", .manySockets, arguments: PortKind.all
    )
    func overflow(kind: PortKind) throws { try kind.check(NobodyLooks()) }
}
