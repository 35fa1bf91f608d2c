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

    /// Gives an accepted socket, on which nothing is armed, to another worker.
    ///
    /// - Parameter isCounted: its address has been counted by the limit per address.
    static func handOver(_ descriptor: Int32, isCounted: Bool) -> Message {
        Message(tag: handOver, payload: UInt64(UInt32(bitPattern: descriptor)) | (isCounted ? 1 << 32 : 0))
    }

    var descriptor: Int32 { Int32(bitPattern: UInt32(truncatingIfNeeded: payload)) }
    var isCounted: Bool { payload >> 32 != 0 }
}
