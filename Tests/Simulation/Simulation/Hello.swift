// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import Wire

/// The hello of simulated clients.
enum Hello {
    static let served = SessionLayer.ProtocolVersion(version: 7, fingerprint: 0x0807_0605_0403_0201)

    /// The whole packet, written by hand.
    static func bytes(version: UInt16 = served.version, fingerprint: UInt64 = served.fingerprint) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 1, 0, UInt8(version & 0xFF), UInt8(version >> 8)]
        for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: fingerprint >> UInt64(index * 8))) }
        bytes += [0, 3, 115, 105, 109]
        bytes[0] = UInt8(bytes.count)
        return bytes
    }
}
