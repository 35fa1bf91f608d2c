// SPDX-License-Identifier: Apache-2.0

/// A number for what a session got in a tick, made piece by piece: where the pieces begin and end does not matter.
///
/// FNV-1a of the bytes, started from `start`, and at the end the finaliser of SplitMix64 over it and the count of bytes
/// (see `hash(seed:tick:thing:draw:)`).
public struct OutputDigest: BitwiseCopyable {
    private static let start: UInt64 = 0xCBF2_9CE4_8422_2325
    private static let prime: UInt64 = 0x0000_0100_0000_01B3
    private var state = start
    private var count: UInt64 = 0

    /// Of nothing.
    public init() {}

    /// Adds bytes at the end.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var state = state
        for byte in bytes { state = (state ^ UInt64(byte)) &* Self.prime }
        self.state = state
        count &+= UInt64(bytes.count)
    }

    /// Adds pieces at the end, one after the other.
    public mutating func append(_ pieces: Span<UnsafeRawBufferPointer>) {
        for index in pieces.indices { append(pieces[index]) }
    }

    /// The number.
    public var value: UInt64 { mix(state ^ count) }
}
