// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Ambient blocks of one delivery, kept for the sessions that did not get them at once.
struct Held: ~Copyable {
    var pieces = PieceList(capacity: 1_024)
    /// The cohorts that have any, each once.
    var cohorts = Column<UInt32>(capacity: 256)

    mutating func removeAll() {
        pieces.removeAll()
        cohorts.removeAll()
    }
}

/// What one cohort holds of one delivery.
struct HeldChain: BitwiseCopyable {
    var round: UInt64 = 0
    var chain = PieceList.Chain()
}
