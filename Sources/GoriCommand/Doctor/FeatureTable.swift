// SPDX-License-Identifier: Apache-2.0

internal import Overlapped

/// What each kernel feature gives, and since when; the fallbacks stand in `docs/completion-port.md`.
enum FeatureTable {
    private static let texts: [(feature: UringFeatures, since: String, gives: String)] = [
        (.incrementalBuffers, "6.12", "receive buffers that fill up piece by piece: less memory touched"),
        (.vectorizedSend, "6.17", "gather lists without a message header: fewer bytes a send"),
        (.messageRing, "6.13", "wakes a worker without a descriptor of its own"),
        (.receiveLimit, "6.17", "a greedy client cannot starve the others of receive buffers"),
        (.absoluteTimer, "6.12", "deadlines that do not drift"),
        (.noIOWait, "6.15", "idle workers do not show as waiting for disks"),
        (.silentSend, "6.1", "sends without a completion: one system call a turn"),
        (.directDescriptors, "6.1", "--direct-descriptors: more sessions than open files"),
        (.registeredFiles, "6.13", "submissions find their socket without looking up a descriptor"),
    ]

    /// The rows for a server that finds `found`, has been told not to use `disabled`, and uses direct descriptors when
    /// it is asked to.
    static func rows(
        port: PortEngine?, found: UringFeatures, disabled: UringFeatures, isDirect: Bool
    ) -> [Findings.Feature] {
        UringFeatures.names.map { feature, name in
            // The ring has one table, of sockets with a descriptor or of sockets without.
            let isWanted = feature == .directDescriptors ? isDirect : feature != .registeredFiles || !isDirect
            // Sockets in the table are sent to by silent sends alone.
            let isOfTable = feature == .directDescriptors && isDirect || feature == .registeredFiles
            let isOff = disabled.contains(feature) || isOfTable && disabled.contains(.silentSend)
            let text = texts.first { $0.feature == feature }
            let state: Findings.Feature.State =
                port != .uring
                ? .unused : isOff ? .off : !isWanted ? .unused : found.contains(feature) ? .used : .missing
            return Findings.Feature(name: name, since: text?.since ?? "", state: state, gives: text?.gives ?? "")
        }
    }
}
