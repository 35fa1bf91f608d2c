// SPDX-License-Identifier: Apache-2.0

/// What one worker says to another: a tag and an owned batch. The pointer's meaning is the tag's business.
struct Message: BitwiseCopyable {
    let tag: UInt32
    /// A descriptor, a group's or session's number, or the address of an owned batch.
    let payload: UInt64

    /// Tags of the engine; an application's start at `firstOfApplication`.
    static let handOver: UInt32 = 1
    static let parcel: UInt32 = 2
    static let groupPresent: UInt32 = 3
    static let groupAbsent: UInt32 = 4
    static let firstOfApplication: UInt32 = 16
}
