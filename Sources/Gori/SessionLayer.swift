// SPDX-License-Identifier: Apache-2.0

/// Who speaks before the game does: hello, welcome, heartbeats and goodbye, or nobody.
public struct SessionLayer: Sendable {
    /// A protocol that the server serves: its version and its schema's fingerprint.
    public struct ProtocolVersion: Hashable, Sendable {
        /// Counted by the protocol's authors.
        public let version: UInt16
        /// The first 8 bytes of the schema's hash: says "the same", never "compatible".
        public let fingerprint: UInt64

        /// Names a version.
        public init(version: UInt16, fingerprint: UInt64) {
            self.version = version
            self.fingerprint = fingerprint
        }
    }

    /// What is served; nil: there is no session layer, all packet types are the game's.
    let served: [ProtocolVersion]?

    /// No hello, no heartbeat, no goodbye: for clients that exist already.
    public static let none = SessionLayer(served: nil)

    /// Hello, welcome, heartbeats, goodbye; a client is served if its pair of version and fingerprint is listed.
    public static func gori(serving versions: [ProtocolVersion]) -> SessionLayer { SessionLayer(served: versions) }
}
