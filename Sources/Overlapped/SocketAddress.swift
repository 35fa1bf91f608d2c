// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// An IPv4 or IPv6 address with a port: a `sockaddr` as a value.
///
/// Written `host:port`, `[v6]:port` or `:port`; the host is a number (names are resolved above this floor), `localhost`
/// or empty for every interface.
public struct SocketAddress: Hashable, Sendable {
    /// The address in network byte order: 4 bytes of IPv4 or 16 of IPv6 (RFC 791, RFC 4291).
    public let bytes: [UInt8]
    /// The port in host byte order; 0 lets the kernel choose.
    public let port: UInt16

    /// Whether this is an IPv6 address.
    public var isIPv6: Bool { bytes.count == 16 }

    /// Whether it stands for every interface.
    public var isAny: Bool { bytes.allSatisfy { $0 == 0 } }

    /// An IPv6 address that stands for an IPv4 one, `::ffff:a.b.c.d` (RFC 4291, 2.5.5.2).
    public var isMappedIPv4: Bool {
        isIPv6 && bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
    }

    /// Whether the peer is this machine.
    public var isLoopback: Bool {
        if isIPv6 && !isMappedIPv4 { return bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1 }
        return bytes[isIPv6 ? 12 : 0] == 127
    }

    /// Every IPv6 interface, and every IPv4 one through it.
    public static func anyIPv6(port: UInt16) -> SocketAddress {
        SocketAddress(bytes: [UInt8](repeating: 0, count: 16), port: port)
    }

    /// Every IPv4 interface.
    public static func anyIPv4(port: UInt16) -> SocketAddress { SocketAddress(bytes: [0, 0, 0, 0], port: port) }

    init(bytes: [UInt8], port: UInt16) {
        self.bytes = bytes
        self.port = port
    }

    /// The same address with another port.
    public func with(port: UInt16) -> SocketAddress { SocketAddress(bytes: bytes, port: port) }

    /// Reads `host:port`, `[v6]:port` or `:port`.
    ///
    /// - Returns: nil when the text is none of these.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else { return nil }
        var host = String(text[..<colon])
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.count > 2
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        if host.isEmpty {
            self = .anyIPv6(port: port)
        } else if !isBracketed, let bytes = Self.numeric(host, family: AF_INET, count: 4) {
            self.init(bytes: bytes, port: port)
        } else if isBracketed, let bytes = Self.numeric(host, family: AF_INET6, count: 16) {
            self.init(bytes: bytes, port: port)
        } else if host == "localhost", !isBracketed {
            self.init(bytes: [127, 0, 0, 1], port: port)
        } else {
            return nil
        }
    }

    private static func numeric(_ host: String, family: Int32, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, host, &bytes) == 1 ? bytes : nil
    }

    // MARK: sockaddr

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

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:7777` or `[::]:7777`.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &text, socklen_t(text.count))
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
