// SPDX-License-Identifier: Apache-2.0

/// A number that tells whether bytes have changed.
enum Digest {
    /// Of some bytes; eight at a time, because every send in flight is looked at twice.
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var digest: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
        var offset = 0
        while offset + 8 <= bytes.count {
            digest = (digest ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x0000_0100_0000_01B3
            digest ^= digest >> 29
            offset += 8
        }
        while offset < bytes.count {
            digest = (digest ^ UInt64(bytes[offset])) &* 0x0000_0100_0000_01B3
            offset += 1
        }
        return digest
    }
}
