// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// The other end of a connection: a plain blocking socket whose calls all have a deadline.
final class Peer: @unchecked Sendable {
    struct Failure: Error, Hashable {
        let call: String
        let code: Int32
    }

    private(set) var descriptor: Int32

    /// Takes over a socket.
    init(_ descriptor: Int32, seconds: Int = 10) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Connects; a receive buffer must be set before, because it decides about the window.
    convenience init(to address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        guard let receiveBuffer else {
            self.init(try Self.connected(to: address))
            return
        }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(call: "socket", code: errno) }
        self.init(descriptor)
        setOption(SOL_SOCKET, SO_RCVBUF, receiveBuffer)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = address.port.bigEndian
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // An interrupted connect goes on by itself.
        if result != 0, errno == EINTR {
            var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            while poll(&wait, 1, 10_000) < 0, errno == EINTR {}
        } else if result != 0 {
            throw Failure(call: "connect", code: errno)
        }
    }

    /// A thread that took down a ring a moment ago may find its connect interrupted.
    private static func connected(to address: SocketAddress) throws -> Int32 {
        for _ in 0..<10 {
            let result = Result { try Sockets.connect(to: address) }
            if case .failure(let error as PortError) = result, error.code == EINTR { continue }
            return try result.get()
        }
        throw Failure(call: "connect", code: EINTR)
    }

    deinit { close() }

    func setOption(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    // MARK: Sending

    func send(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try send($0) } }

    func send(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let sent = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            guard sent > 0 else {
                if sent < 0, errno == EINTR { continue }
                throw Failure(call: "send", code: errno)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[sent...])
        }
    }

    /// Sends what fits at once; nil when the connection is broken.
    func sendSome(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
        let sent = Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags)
        if sent >= 0 { return sent }
        return errno == EAGAIN ? 0 : nil
    }

    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    // MARK: Receiving

    /// Some bytes; empty at the end of stream.
    func receive(upTo count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = -1
        repeat { got = recv(descriptor, &bytes, count, 0) } while got < 0 && errno == EINTR
        guard got >= 0 else { throw Failure(call: "recv", code: errno) }
        bytes.removeLast(count - got)
        return bytes
    }

    /// Exactly so many bytes.
    func receive(exactly count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let piece = try receive(upTo: count - bytes.count)
            guard !piece.isEmpty else { throw Failure(call: "end of stream after \(bytes.count)", code: 0) }
            bytes += piece
        }
        return bytes
    }

    /// Everything up to the end of stream.
    func receiveAll() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try receive(upTo: 65_536)
            guard !piece.isEmpty else { return bytes }
            bytes += piece
        }
    }

    /// What is there now into memory of the caller's: nil when there is nothing yet, 0 at the end of stream.
    func receiveSome(_ memory: UnsafeMutableRawBufferPointer) throws -> Int? {
        let got = recv(descriptor, memory.baseAddress, memory.count, Int32(MSG_DONTWAIT))
        if got >= 0 { return got }
        guard errno == EAGAIN else { throw Failure(call: "recv", code: errno) }
        return nil
    }

    // MARK: Ending

    func close() {
        guard descriptor >= 0 else { return }
        _ = Glibc.close(descriptor)
        descriptor = -1
    }

    /// Ends with a reset.
    func reset() {
        guard descriptor >= 0 else { return }
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}

/// Makes loopback connections: one end for a port, the other for the test.
final class PairMaker {
    let address: SocketAddress
    private let listener: Int32

    init() throws {
        guard let any = SocketAddress("127.0.0.1:0") else { throw Peer.Failure(call: "address", code: 0) }
        listener = try Sockets.listen(on: any, sharesPort: false)
        guard let real = SocketAddress(localOf: listener) else { throw Peer.Failure(call: "getsockname", code: errno) }
        address = real
    }

    deinit { _ = Glibc.close(listener) }

    /// A connection; with `small` buffers it is full after a few KiB.
    func make(small: Bool = false) throws -> (near: Int32, peer: Peer) {
        let peer = try Peer(to: address, receiveBuffer: small ? 4_096 : nil)
        var near: Int32 = -1
        repeat { near = accept(listener, nil, nil) } while near < 0 && errno == EINTR
        guard near >= 0 else { throw Peer.Failure(call: "accept", code: errno) }
        _ = fcntl(near, F_SETFD, FD_CLOEXEC)
        if small {
            var size: Int32 = 4_096
            setsockopt(near, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        return (near, peer)
    }
}
