// SPDX-License-Identifier: Apache-2.0

/// What newer kernels add to Linux 6.1, found by doing (`UringPreflight`). Each has a fallback and can be switched off.
public struct UringFeatures: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt32

    /// Makes a set of its bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Large receive buffers that fill up piece by piece (6.12); else 1024 × 4 KiB.
    public static let incrementalBuffers = UringFeatures(rawValue: 1 << 0)
    /// A gather list in the submission itself (6.17); else a message header.
    public static let vectorizedSend = UringFeatures(rawValue: 1 << 1)
    /// Doorbells without a descriptor of their own (6.13); else eventfd.
    public static let messageRing = UringFeatures(rawValue: 1 << 2)
    /// Multishot receives that end after so many bytes (6.17); else greedy streams are cancelled and read singly.
    public static let receiveLimit = UringFeatures(rawValue: 1 << 3)
    /// Deadlines that do not drift (6.12); else relative ones.
    public static let absoluteTimer = UringFeatures(rawValue: 1 << 4)
    /// Idle workers that do not show as waiting for disks (6.15).
    public static let noIOWait = UringFeatures(rawValue: 1 << 5)
    /// Sends that complete inside the submission and say nothing on success; else sendmsg(2).
    public static let silentSend = UringFeatures(rawValue: 1 << 6)

    /// Sockets that the ring alone holds, in a table of its own (6.1); else every stream has a descriptor. Used when a
    /// port is told to, and only with `silentSend`.
    public static let directDescriptors = UringFeatures(rawValue: 1 << 7)

    /// Sockets that lie in the ring's table beside their descriptor, so that no submission looks one up (6.13: before,
    /// a socket that had left the table lived until all that was in flight then had ended). Only with `silentSend`.
    public static let registeredFiles = UringFeatures(rawValue: 1 << 8)

    /// All of them.
    public static let all: UringFeatures = [
        .incrementalBuffers, .vectorizedSend, .messageRing, .receiveLimit, .absoluteTimer, .noIOWait, .silentSend,
        .directDescriptors, .registeredFiles,
    ]

    /// Every feature with the name under which it is switched off, in the order of the bits.
    public static let names: [(UringFeatures, String)] = [
        (.incrementalBuffers, "incremental-buffers"), (.vectorizedSend, "vectorized-send"),
        (.messageRing, "message-ring"), (.receiveLimit, "receive-limit"), (.absoluteTimer, "absolute-timer"),
        (.noIOWait, "no-iowait"), (.silentSend, "silent-send"),
        (.directDescriptors, "direct-descriptors"), (.registeredFiles, "registered-files"),
    ]

    /// Reads a list of names separated by commas; `all` is every feature.
    ///
    /// - Returns: nil when a name is unknown.
    public init?(names list: String) {
        var features: UringFeatures = []
        for name in list.split(separator: ",") {
            if name == "all" {
                features.formUnion(.all)
            } else if let known = Self.names.first(where: { $0.1 == name }) {
                features.formUnion(known.0)
            } else {
                return nil
            }
        }
        self = features
    }
}

extension UringFeatures: CustomStringConvertible {
    /// The names, separated by spaces.
    public var description: String {
        Self.names.filter { contains($0.0) }.map(\.1).joined(separator: " ")
    }
}
