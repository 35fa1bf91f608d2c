// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// Connecting with what `Sockets.connect` does not offer: a limit of time, and a source address on loopback, where
/// all of 127.0.0.0/8 is this machine and each address has ephemeral ports of its own.
enum Dial {
    private static let timeoutSeconds = 5

    /// A connected stream socket.
    ///
    /// - Parameter source: 0: any address; n: 127.0.0.(1 + n), for targets of IPv4 loopback.
    static func connect(to address: SocketAddress, source: Int) throws(PortError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.isIPv6 ? AF_INET6 : AF_INET, type, 0)
        guard descriptor >= 0 else { throw PortError(call: "socket", code: errno) }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY)
        if source > 0, !address.isIPv6 {
            // The port is chosen by connect, for this target alone; bind would take it from all targets.
            setOption(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT)
            let bytes: [UInt8] = [127, 0, 0, UInt8(truncatingIfNeeded: 1 + source)]
            let bound = withSockaddr(bytes, port: 0) { bind(descriptor, $0, $1) }
            guard bound == 0 else { throw failure("bind 127.0.0.\(1 + source)", errno, closing: descriptor) }
        }
        let result = withSockaddr(address.bytes, port: address.port) { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 else {
            throw failure("connect to \(address)", errno == EINPROGRESS ? ETIMEDOUT : errno, closing: descriptor)
        }
        return descriptor
    }

    private static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32) {
        var value: Int32 = 1
        _ = setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func failure(_ call: String, _ code: Int32, closing descriptor: Int32) -> PortError {
        close(descriptor)
        return PortError(call: call, code: code)
    }

    /// 4 bytes are IPv4 (the address is at offset 4), 16 IPv6 (after the flow label, at offset 8).
    private static func withSockaddr(
        _ address: [UInt8], port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        let isIPv6 = address.count == 16
        let size = isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { raw in
            raw.storeBytes(of: UInt16(isIPv6 ? AF_INET6 : AF_INET), as: UInt16.self)
            raw.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            for (index, byte) in address.enumerated() { raw[(isIPv6 ? 8 : 4) + index] = byte }
        }
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
        }
    }
}
