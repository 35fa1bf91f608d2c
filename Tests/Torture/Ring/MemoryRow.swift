// SPDX-License-Identifier: Apache-2.0

import Overlapped

/// Row 10: the memory of a send is used again while the peer has not read. Gori never sends zero-copy, so it may be.
enum MemoryRow {
    static func run(_ features: UringFeatures, _ effort: Effort) throws -> Outcome {
        var overwritten: UInt64 = 0
        var blocked: UInt64 = 0
        for mode in [features, features.subtracting(.vectorizedSend), []] {
            for receiveBuffer: Int32 in [0, 8_192] {
                let storm = try Storm(
                    UringPort(capacity: 100, features: mode), count: 100, size: 10_000, receiveBuffer: receiveBuffer)
                try storm.run(rounds: effort.count(40, quick: 8), reads: false)
                overwritten += storm.overwrittenUnread
                blocked += storm.counters.blockedSends
            }
        }
        return Outcome(
            row: 10,
            text: "send memory overwritten as soon as it is settled while nobody reads, then every byte compared; "
                + "zero-copy sends are never used",
            fired: [("bytesOverwrittenUnread", overwritten), ("blockedSends", blocked)])
    }
}
