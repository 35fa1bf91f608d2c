// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

@Suite struct SocketsTests {
    private func listen(_ text: String, sharesPort: Bool) throws -> (socket: Peer, address: SocketAddress) {
        let socket = Peer(try Sockets.listen(on: try #require(SocketAddress(text)), sharesPort: sharesPort))
        return (socket, try #require(SocketAddress(localOf: socket.descriptor)))
    }

    @Test("a port in use is found, also one that listeners share", arguments: [true, false])
    func reserve(sharesPort: Bool) throws {
        let (socket, address) = try listen("127.0.0.1:0", sharesPort: sharesPort)
        #expect(throws: PortError(call: "bind \(address)", code: EADDRINUSE)) { _ = try Sockets.reserve(address) }
        let any = SocketAddress.anyIPv4(port: address.port)
        #expect(throws: PortError(call: "bind \(any)", code: EADDRINUSE)) { _ = try Sockets.reserve(any) }
        socket.close()
        #expect(try Sockets.reserve(address) == address)
    }

    @Test("port 0 becomes a real port, which is free again")
    func chosenPort() throws {
        let real = try Sockets.reserve(try #require(SocketAddress("127.0.0.1:0")))
        #expect(real.port > 0)
        let first = Peer(try Sockets.listen(on: real, sharesPort: true))
        let second = Peer(try Sockets.listen(on: real, sharesPort: true))
        #expect(SocketAddress(localOf: first.descriptor) == SocketAddress(localOf: second.descriptor))
        #expect(throws: PortError.self) { _ = try Sockets.listen(on: real, sharesPort: false) }
    }

    @Test("a port in use is explained")
    func explanation() {
        let error = PortError(call: "bind 0.0.0.0:7777", code: EADDRINUSE)
        #expect(error.description.contains("bind 0.0.0.0:7777"))
        #expect(error.description.contains("--listen"))
        #expect(PortError(call: "io_uring_setup", code: EPERM).description.contains("kernel.io_uring_disabled"))
    }

    @Test("[::] takes IPv4 and IPv6, and each side sees the other's address", .enabled(if: Sockets.hasIPv6))
    func dualStack() throws {
        let (listener, address) = try listen("[::]:0", sharesPort: false)
        for host in ["127.0.0.1", "[::1]"] {
            let to = try #require(SocketAddress("\(host):\(address.port)"))
            let caller = Peer(try Sockets.connect(to: to))
            let called = Peer(accept(listener.descriptor, nil, nil))
            let seen = try #require(SocketAddress(peerOf: called.descriptor))
            let own = try #require(SocketAddress(localOf: caller.descriptor))
            #expect(seen.port == own.port)
            #expect(seen.isLoopback)
            #expect(seen.isMappedIPv4 == (host == "127.0.0.1"))
            #expect(SocketAddress(peerOf: caller.descriptor) == to)
        }
    }

    @Test("a rejected connection is reset")
    func reject() throws {
        let (near, peer) = try PairMaker().make()
        Sockets.reject(near)
        #expect(throws: Peer.Failure(call: "recv", code: ECONNRESET)) { _ = try peer.receiveAll() }
    }

    @Test("a refused connection gets its last bytes and an end of stream")
    func refuse() throws {
        let (near, peer) = try PairMaker().make()
        let last: [UInt8] = [1, 2, 3]
        last.withUnsafeBytes { Sockets.refuse(near, with: $0) }
        #expect(try peer.receiveAll() == last)
    }

    @Test("a descriptor that is no socket has no address")
    func noAddress() {
        #expect(SocketAddress(localOf: -1) == nil)
        #expect(SocketAddress(peerOf: -1) == nil)
    }

    @Test("connecting where nobody listens is refused")
    func refused() throws {
        let free = try Sockets.reserve(try #require(SocketAddress("127.0.0.1:0")))
        #expect(throws: PortError(call: "connect to \(free)", code: ECONNREFUSED)) {
            _ = try Sockets.connect(to: free)
        }
    }
}
