// SPDX-License-Identifier: Apache-2.0

/// A socket address without a reference, 24 bytes: for records of which there are many. All zero is none.
public struct StoredAddress: BitwiseCopyable, Sendable {
    private var high: UInt64 = 0
    private var low: UInt64 = 0
    private var port: UInt16 = 0
    private var count: UInt8 = 0

    /// None.
    public init() {}

    /// Keeps an address; nil is none.
    public init(_ address: SocketAddress?) {
        guard let address else { return }
        for (index, byte) in address.bytes.enumerated() {
            let place = UInt64(byte) << (8 * UInt64(index & 7))
            if index < 8 { high |= place } else { low |= place }
        }
        port = address.port
        count = UInt8(truncatingIfNeeded: address.bytes.count)
    }

    /// What was kept.
    public var address: SocketAddress? {
        guard count > 0 else { return nil }
        let bytes = (0..<Int(count)).map { index in
            UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> (8 * UInt64(index & 7)))
        }
        return SocketAddress(bytes: bytes, port: port)
    }
}
