// SPDX-License-Identifier: Apache-2.0

/// What the epoll port knows of one stream.
///
/// Invariants: `descriptor` is open exactly in the phases `open` and `finishing`; `isQueued` says that the stream's key
/// stands in one of the port's reading lists, and it stands in one at most.
struct EpollStream {
    /// How the stream goes on.
    enum Phase: UInt8 {
        /// Not in use.
        case free
        /// Bytes go both ways.
        case open
        /// Our end of stream is sent; input is thrown away until the peer's.
        case finishing
        /// The descriptor is closed, and nobody has been told yet.
        case closed
    }

    var descriptor: Int32 = -1
    var generation: UInt32 = 0
    var phase = Phase.free
    var wantsReceive = false
    /// The kernel has said that there is something to read, and no read has come back short since.
    var isReadable = false
    /// A read that comes back short is not the end: an end of stream, an error or urgent data is behind it.
    var readsToTheEnd = false
    var isQueued = false
    var peerFinished = false
    var ended = false
    /// The port's turn in which `send` was called last, 0: never.
    var sendTurn: UInt64 = 0
    /// Where the parts of a blocked send stand in the port's list, and how many they are.
    var unsentStart: UInt32 = 0
    var unsentCount: UInt32 = 0
    var isTracking = false
    var tracked: UnsafeRawPointer?
    var trackedCount = 0
    /// A tracked send found no room, and there has been none since.
    var waitsForRoom = false
    /// What it is watched for where that is level-triggered; 0: it is not watched.
    var interest: UInt32 = 0
    /// Bytes thrown away while `finishing`.
    var discarded = 0
}

/// The last byte of an event's data: what its other bits name.
enum EpollSource {
    static let stream: UInt64 = 1
    static let listener: UInt64 = 2
    static let doorbell: UInt64 = 3
    /// A descriptor with overlapped operations, in the bits above.
    static let operations: UInt64 = 4
}
