// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// Makes connections: the near end for a port, the far end non-blocking in the hands of the row.
final class Pairs {
    enum Kind { case tcp, unix }

    private let listener: Int32
    private let address: SocketAddress

    init() throws {
        guard let any = SocketAddress("127.0.0.1:0") else { throw Broken("no address") }
        listener = try Overlapped.Sockets.listen(on: any, sharesPort: false)
        guard let real = SocketAddress(localOf: listener) else { throw Broken("getsockname: \(errno)") }
        address = real
    }

    deinit { close(listener) }

    func make(_ kind: Kind) throws -> (near: Int32, far: Int32) {
        var near: Int32 = -1
        var far: Int32 = -1
        switch kind {
        case .unix:
            var both: [Int32] = [-1, -1]
            let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            try require(socketpair(AF_UNIX, type, 0, &both) == 0, "socketpair: \(errno)")
            (near, far) = (both[0], both[1])
        case .tcp:
            // A thread whose ring has just gone may find its calls interrupted.
            for _ in 0..<5 where far < 0 { far = (try? Overlapped.Sockets.connect(to: address)) ?? -1 }
            try require(far >= 0, "connect: \(errno)")
            repeat { near = accept(listener, nil, nil) } while near < 0 && errno == EINTR
            try require(near >= 0, "accept: \(errno)")
        }
        _ = fcntl(far, F_SETFL, fcntl(far, F_GETFL) | O_NONBLOCK)
        return (near, far)
    }
}

enum Far {
    /// Sends what fits; nil when the connection is broken.
    static func send(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int? {
        let sent = bytes.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        if sent >= 0 { return sent }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    static func send(_ descriptor: Int32, _ bytes: [UInt8]) -> Int? { send(descriptor, bytes[...]) }

    enum Read: Equatable {
        case bytes(Int)
        case nothing
        case end
        case reset
    }

    static func read(_ descriptor: Int32, _ memory: UnsafeMutableRawBufferPointer) -> Read {
        let got = recv(descriptor, memory.baseAddress, memory.count, Int32(MSG_DONTWAIT))
        if got > 0 { return .bytes(got) }
        if got == 0 { return .end }
        return errno == EAGAIN || errno == EINTR ? .nothing : .reset
    }

    /// Ends with a reset where the protocol knows one.
    static func reset(_ descriptor: Int32) {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
    }

    static func setBuffer(_ descriptor: Int32, _ name: Int32, _ size: Int32) {
        var size = size
        setsockopt(descriptor, SOL_SOCKET, name, &size, socklen_t(MemoryLayout<Int32>.size))
    }
}
