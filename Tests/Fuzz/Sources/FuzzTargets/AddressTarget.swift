// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// Addresses: any text parses or does not, and what parses is written in one way that parses to the same.
enum AddressTarget {
    /// Sockets without an address of the internet: nothing may be read into what the kernel says of them.
    private static let unnamed: Int32 = {
        var pair: [Int32] = [-1, -1]
        _ = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair)
        return pair[0]
    }()

    static func run(_ input: UnsafeBufferPointer<UInt8>) {
        let text = String(decoding: input, as: UTF8.self)
        guard let address = SocketAddress(text) else {
            promise(!isPlain(text), "\(text) is an address")
            return noAddress()
        }
        promise(address.bytes.count == (address.isIPv6 ? 16 : 4), "4 or 16 bytes")
        let written = address.description
        promise(SocketAddress(written) == address, "\(text) is written as \(written), which is another")
        promise(written.hasSuffix(":\(address.port)"), "the port stands at the end of \(written)")
        promise(address.with(port: 9).bytes == address.bytes && address.with(port: 9).port == 9, "another port")
        if address.isAny { promise(!address.isLoopback, "every interface is not the loopback") }
        if address.isMappedIPv4 { promise(address.isIPv6, "a mapped address is an IPv6 one") }
        if address.isLoopback, !address.isMappedIPv4 { bind(address) }
    }

    /// `a.b.c.d:port` as this file reads it: decimal numbers without leading zeros.
    private static func isPlain(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 2, isNumber(parts[1], atMost: 65_535) else { return false }
        let fields = parts[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return fields.count == 4 && fields.allSatisfy { isNumber($0, atMost: 255) }
    }

    private static func isNumber(_ digits: Substring.UTF8View, atMost limit: Int) -> Bool {
        guard !digits.isEmpty, digits.count < 6, digits.count == 1 || digits.first != UInt8(ascii: "0") else {
            return false
        }
        var value = 0
        for digit in digits {
            guard (48...57).contains(digit) else { return false }
            value = value * 10 + Int(digit) - 48
        }
        return value <= limit
    }

    /// The kernel's own reading of a loopback address is the same.
    private static func bind(_ address: SocketAddress) {
        guard let bound = try? Sockets.reserve(address.with(port: 0)) else { return }
        promise(bound.bytes == address.bytes && bound.port != 0, "\(address) is bound as \(bound)")
    }

    private static func noAddress() {
        promise(SocketAddress(localOf: unnamed) == nil, "a socket of the machine has no address")
        promise(SocketAddress(peerOf: -1) == nil, "no socket, no peer")
    }
}
