// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// What becomes of sockets whose port goes while they are in use.
@Suite struct LeavingTests {
    private struct PortGoes: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let address = try #require(SocketAddress("127.0.0.1:0"))
            let listener = try Sockets.listen(on: address, sharesPort: false)
            let bound = try #require(SocketAddress(localOf: listener))
            var rig: Rig<P>? = try Rig(make)
            var peers: [Peer] = []
            for slot in 0..<12 {
                let (near, peer) = try pairs.make(small: slot % 3 == 0)
                peers.append(peer)
                guard let stream = rig?.add(near, slot: slot) else { continue }
                if slot % 3 == 0 { rig?.send(stream.key, [UInt8](repeating: 1, count: 1 << 20)) }
                if slot % 3 == 1 { try peer.send([1, 2, 3]) }
            }
            rig?.port.accept(on: listener, listener: 0)
            try rig?.turn(0)
            rig = nil
            // This thread, which owned the port, lives on: nothing may wait for its end.
            for peer in peers {
                var code: Int32 = 0
                do { _ = try peer.receiveAll() } catch { code = (error as? Peer.Failure)?.code ?? -1 }
                #expect(code == 0 || code == ECONNRESET, "the peer sees an end")
            }
            #expect(throws: (any Error).self) { try Peer(to: bound) }
        }
    }

    @Test(
        "a port that goes ends its streams and stops listening, although its thread lives on", arguments: PortKind.all)
    func portGoes(kind: PortKind) throws { try kind.check(PortGoes()) }
}
