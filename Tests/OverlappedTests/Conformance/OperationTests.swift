// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// What ports promise about overlapped operations.
@Suite struct OperationTests {
    private static func key(_ number: Int) -> CompletionKey { CompletionKey(slot: number, generation: 1) }

    private struct ScatterGather: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (near, peer) = try PairMaker().make()
            let socket = Peer(near)
            let rig = try Rig(make)
            let pieces = [3, 1, 1_000, 20].map { OverlappedBuffer(count: $0) }
            rig.port.start(.receive(into: pieces, .waitAll), on: socket.descriptor, key: key(1))
            var dice = Dice(seed: 1)
            let bytes = dice.bytes(1_024)
            for start in stride(from: 0, to: 1_024, by: 100) {
                try peer.send(Array(bytes[start..<min(1_024, start + 100)]))
                try rig.turn(1)
            }
            try rig.run("a scattered receive") { rig.operations.count == 1 }
            #expect(rig.operations[0].result == 1_024)
            #expect(pieces.flatMap { Array($0.bytes) } == bytes)

            let answer = [[1, 2, 3], [4], [UInt8](repeating: 5, count: 3 << 20)].map { OverlappedBuffer($0) }
            rig.port.start(.send(answer), on: socket.descriptor, key: key(2))
            var got = 0
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
            defer { memory.deallocate() }
            try rig.run("a gathered send") {
                while let count = try peer.receiveSome(memory) { got += count }
                return rig.operations.count == 2 && got == 4 + 3 << 20
            }
            #expect(rig.operations[1].result == 4 + 3 << 20, "all bytes, whatever the socket takes at once")
        }
    }

    @Test("a receive scatters without holes, a send gathers to the last byte", arguments: PortKind.all)
    func scatterGather(kind: PortKind) throws { try kind.check(ScatterGather()) }

    private struct InOrder: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let (near, peer) = try PairMaker().make()
            let socket = Peer(near)
            let rig = try Rig(make)
            let buffers = (0..<20).map { _ in OverlappedBuffer(count: 10) }
            for (number, buffer) in buffers.enumerated() {
                rig.port.start(.receive(into: [buffer], .waitAll), on: socket.descriptor, key: key(number))
            }
            let sends = (0..<20).map { OverlappedBuffer([UInt8](repeating: UInt8($0), count: 30_000)) }
            for (number, buffer) in sends.enumerated() {
                rig.port.start(.send([buffer]), on: socket.descriptor, key: key(100 + number))
            }
            rig.port.start(.disconnect, on: socket.descriptor, key: key(200))
            // Cancelled while it waits behind others: it completes in its turn.
            rig.port.cancelOperation(key(15))
            rig.port.cancelOperation(key(15))
            try peer.send((0..<200).map { UInt8($0) })
            let reader = Background { _ = try? peer.receiveAll() }
            try rig.run("40 operations") { rig.operations.count == 41 }
            reader.join()
            let receives = rig.operations.filter { $0.key.slot < 100 }
            #expect(receives.map(\.key.slot) == Array(0..<20))
            let writes = rig.operations.filter { $0.key.slot >= 100 }
            #expect(writes.map(\.key.slot) == Array(100..<120) + [200])
            #expect(receives[15].result == -ECANCELED)
            #expect(receives.filter { $0.result == 10 }.count == 19)
            for (place, number) in (Array(0..<15) + Array(16..<20)).enumerated() {
                #expect(Array(buffers[number].bytes) == (0..<10).map { UInt8(place * 10 + $0) })
            }
        }
    }

    @Test("operations of one socket and direction complete in the order issued, each once", arguments: PortKind.all)
    func order(kind: PortKind) throws { try kind.check(InOrder()) }

    private struct Connecting: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            guard let any = SocketAddress("127.0.0.1:0") else { return }
            let listener = Peer(try Sockets.listen(on: any, sharesPort: false))
            guard let address = SocketAddress(localOf: listener.descriptor) else { return }
            let rig = try Rig(make)
            let caller = Peer(socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
            rig.port.start(.accept, on: listener.descriptor, key: key(1))
            rig.port.start(.accept, on: listener.descriptor, key: key(2))
            rig.port.start(.connect(to: address), on: caller.descriptor, key: key(3))
            try rig.run("connect and accept") { rig.operations.count == 2 }
            let results = Dictionary(uniqueKeysWithValues: rig.operations.map { ($0.key.slot, $0.result) })
            #expect(results[3] == 0)
            let called = Peer(results[1] ?? -1)
            let peek = OverlappedBuffer(count: 8)
            let take = OverlappedBuffer(count: 8)
            rig.port.start(.receive(into: [peek], .peek), on: called.descriptor, key: key(4))
            rig.port.start(.receive(into: [take]), on: called.descriptor, key: key(5))
            rig.port.start(.send([OverlappedBuffer([7, 8])]), on: caller.descriptor, key: key(6))
            rig.port.start(.disconnect, on: caller.descriptor, key: key(7))
            try rig.run("an exchange") { rig.operations.count == 6 }
            #expect(Array(peek.bytes.prefix(2)) == [7, 8])
            #expect(Array(take.bytes.prefix(2)) == [7, 8])
            let end = OverlappedBuffer(count: 8)
            rig.port.start(.receive(into: [end]), on: called.descriptor, key: key(8))
            rig.port.cancelOperation(key(2))
            try rig.run("the end") { rig.operations.count == 8 }
            let last = Dictionary(uniqueKeysWithValues: rig.operations.suffix(2).map { ($0.key.slot, $0.result) })
            #expect(last[8] == 0, "the peer's end of stream")
            #expect(last[2] == -ECANCELED)
            rig.port.start(
                .receive(into: [end], [.waitAll, .peek]), on: called.descriptor, key: key(9))
            try rig.run("an illegal combination") { rig.operations.count == 9 }
            #expect(rig.operations[8].result == -EOPNOTSUPP)
        }
    }

    @Test("accept, connect, peek, disconnect and cancel each complete once", arguments: PortKind.all)
    func connecting(kind: PortKind) throws { try kind.check(Connecting()) }
}
