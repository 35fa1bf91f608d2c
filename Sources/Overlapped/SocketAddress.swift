// SPDX-License-Identifier: Apache-2.0

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
