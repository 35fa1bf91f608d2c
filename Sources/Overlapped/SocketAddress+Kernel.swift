// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// Addresses as the kernel has them: a `sockaddr` from one and one from it, and what it says of a socket.
extension SocketAddress {
    /// Calls `body` with the address as the kernel wants it.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        return withUnsafeMutableBytes(of: &storage) { raw -> Result in
            let bigEndianPort = port.bigEndian
            raw.storeBytes(of: UInt16(isIPv6 ? AF_INET6 : AF_INET), as: UInt16.self)
            raw.storeBytes(of: bigEndianPort, toByteOffset: 2, as: UInt16.self)
            // sockaddr_in has its address at offset 4, sockaddr_in6 after the flow label at offset 8.
            for (index, byte) in bytes.enumerated() { raw[(isIPv6 ? 8 : 4) + index] = byte }
            let size = isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
            return raw.withMemoryRebound(to: sockaddr.self) { list in
                guard let base = list.baseAddress else { preconditionFailure("sockaddr_storage is not empty") }
                return body(base, socklen_t(size))
            }
        }
    }

    private init?(_ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
        }
        guard result == 0 else { return nil }
        self.init(storage)
    }

    /// An address as the kernel or the resolver has it; nil when it is neither IPv4 nor IPv6.
    init?(sockaddr name: UnsafePointer<sockaddr>) {
        var storage = sockaddr_storage()
        let isIPv6 = Int32(name.pointee.sa_family) == AF_INET6
        let size = isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: UnsafeRawBufferPointer(start: name, count: size)) }
        self.init(storage)
    }

    private init?(_ storage: sockaddr_storage) {
        let family = Int32(storage.ss_family)
        guard family == AF_INET || family == AF_INET6 else { return nil }
        let isIPv6 = family == AF_INET6
        self = withUnsafeBytes(of: storage) { raw in
            let port = UInt16(bigEndian: raw.load(fromByteOffset: 2, as: UInt16.self))
            let start = isIPv6 ? 8 : 4
            return SocketAddress(bytes: Array(raw[start..<start + (isIPv6 ? 16 : 4)]), port: port)
        }
    }

    /// The local address of a socket (getsockname(2)), nil when it has none.
    public init?(localOf descriptor: Int32) {
        self.init { getsockname(descriptor, $0, $1) }
    }

    /// The peer's address of a connected socket (getpeername(2)), nil when it is not connected any more.
    public init?(peerOf descriptor: Int32) {
        guard ForeignKernel.owns(descriptor) else {
            self.init { getpeername(descriptor, $0, $1) }
            return
        }
        guard let peer = ForeignKernel.of(descriptor).peer(of: descriptor) else { return nil }
        self = peer
    }
}
