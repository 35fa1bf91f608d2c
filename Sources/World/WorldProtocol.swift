// SPDX-License-Identifier: Apache-2.0

/// What a client and a server must agree on before the first packet of the world.
public enum WorldProtocol {
    /// Counted by the authors of the protocol.
    public static let version: UInt16 = 1

    /// Says "the same", never "compatible". One named constant until the schema compiler computes it.
    public static let fingerprint: UInt64 = 0x476F_7269_0000_0001

    /// The only scope of chat so far: all who see the speaker.
    public static let chatScopeView: UInt8 = 0
}
