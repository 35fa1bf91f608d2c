// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// What a port knows of one stream. A slot is free again only when nothing of it is in flight.
///
/// Invariants: at most one receive (`receiveInFlight`) and one send (`trackedInFlight`, or a silent send of the turn
/// in `sendTurn`) are in flight; `closeQueued` implies neither, and no `shutdownInFlight`; `descriptor` is -1 exactly
/// when the slot is free.
struct StreamState {
    /// How the stream goes on.
    enum Phase: UInt8 {
        /// Not in use.
        case free
        /// Bytes go both ways.
        case open
        /// Our end of stream is sent; input is thrown away until the peer's.
        case finishing
        /// Waiting until nothing is in flight.
        case closing
        /// The descriptor's close is queued.
        case closeQueued
    }

    // The first cache line: what every receive and every send looks at.
    /// What submissions name: the descriptor, or a place in the ring's table when `fileFlags` says so.
    var file: Int32 = -1
    var generation: UInt32 = 0
    /// Or'ed into the flags of every submission.
    var fileFlags: UInt8 = 0
    var phase = Phase.free
    var receiveInFlight = false
    /// The receive in flight ends after one completion.
    var receiveIsOneShot = false
    var wantsReceive = false
    var receiveCancelled = false
    var isParked = false
    /// Too greedy for a multishot receive without a limit: reads one piece a turn.
    var readsOnePiece = false
    var peerFinished = false
    var ended = false
    var trackedInFlight = false
    /// Our end of stream is on its way, on a worker thread of the kernel (direct descriptors only).
    var shutdownInFlight = false
    var isHard = false
    /// The peer's end of stream came while the stream was paused.
    var holdsFinish = false
    /// Has brought little in each of many turns, and may bring more before it queues up behind the others.
    var isModest = false
    /// The socket lies in the ring's table and has no descriptor, so that no system call can name it.
    var isDirect = false
    /// What the turn's send names: how many parts, 64 at most, and where they lie until it is settled (`parts`).
    var partCount: UInt8 = 0
    /// The descriptor of the process; of a direct one the place in the ring's own table.
    var descriptor: Int32 = -1
    /// The port's turn in which a silent send was queued, 0: none.
    var sendTurn: UInt64 = 0
    var parts: UnsafeMutablePointer<iovec>?
    /// A list of one part lies here.
    var onlyPart = iovec()

    // What is rare.
    /// Where each part is a send of its own: parts that have been queued, none of which but the last may have failed,
    /// and the bytes of those before it. 0 otherwise.
    var partsQueued: UInt8 = 0
    /// Bytes thrown away while `finishing`.
    var discarded: UInt32 = 0
    /// Bytes received in `greedTurn`.
    var greed: UInt32 = 0
    /// Bytes after which the multishot receive in flight ends, 0: never.
    var limit: UInt32 = 0
    var bytesBefore = 0
    /// Bytes that came while the stream was paused.
    var held = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    var tracked: UnsafeRawPointer?
    var trackedCount = 0
    /// The port's turn, cut to 32 bits, in which `greed` was received.
    var greedTurn: UInt32 = 0
    /// The same, in which the receive in flight was armed.
    var armedTurn: UInt32 = 0

    /// Whether the socket lies in the ring's table beside its descriptor.
    var isRegistered: Bool { fileFlags != 0 && !isDirect }
}
