// SPDX-License-Identifier: Apache-2.0

/// Where to connect or listen as people write it: an address, or a name with a port that is still to be resolved.
public enum Endpoint: Hashable, Sendable {
    /// Numbers, which need nobody.
    case address(SocketAddress)
    /// A host's name and a port.
    case name(String, port: UInt16)

    /// Reads `host:port`, `[v6]:port` or `:port`; the host may be a name (RFC 1123, 2.1).
    ///
    /// - Returns: nil when the text is none of these.
    public init?(_ text: String) {
        if let address = SocketAddress(text) {
            self = .address(address)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        let host = String(text[..<colon])
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits), Self.isName(host) else {
            return nil
        }
        self = .name(host, port: port)
    }

    /// The port in host byte order.
    public var port: UInt16 {
        switch self {
        case .address(let address): address.port
        case .name(_, let port): port
        }
    }

    /// Labels of letters, digits, `-` and `_`; the last one has a letter, or it would be a number that is none.
    private static func isName(_ host: String) -> Bool {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard host.utf8.count <= 253, let last = labels.last, last.contains(where: \.isLetter) else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.unicodeScalars.allSatisfy {
                    ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
                        || $0 == "-" || $0 == "_"
                }
        }
    }
}

extension Endpoint: CustomStringConvertible {
    /// As it is written.
    public var description: String {
        switch self {
        case .address(let address): "\(address)"
        case .name(let host, let port): "\(host):\(port)"
        }
    }
}
