// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Wire

/// Everything a worker knows of one session, in its slot of the session table.
///
/// All zero is a slot that was never used. Small fields stand where alignment leaves room, so that a record is four
/// cache lines (`SlotMemory` sees to it). Transitions of `phase` only go down the list; a slot is free again when the
/// port says `closed`, so when nothing of it is in flight.
struct SessionRecord {
    /// The engine's part of a session's life.
    enum Phase: UInt8 {
        /// Not in use.
        case free
        /// Only a hello is legal.
        case greeting
        /// Packets go to handlers.
        case open
        /// The last bytes are on their way out; input is thrown away.
        case closing
        /// Given to the port to finish; nothing more is sent.
        case finishing
    }

    // The first cache line: what every packet and every send looks at.
    var generation: UInt32 = 0
    var phase = Phase.free
    var stage = SessionStage.lobby
    /// It has output, or something else for the flush to do.
    var isDirty = false
    /// Some of its output is its own.
    var isUrgent = false
    /// Some of its output lies in receive memory.
    var namesInput = false
    /// It stands in the queue of the flush.
    var isWaiting = false
    /// Output waits for the next turn, because this turn's send is not settled.
    var isDeferred = false
    /// Reading is paused: by the backlog, or because a slow part runs.
    var isPaused = false
    /// Ended by a handler; carried out when it has returned.
    var endRequested = false
    /// A slow part of a handler runs; later packets wait.
    var slowPartRuns = false
    /// `onOpen` has been called, so `onClose` will be.
    var wasOpened = false
    var peerFinished = false
    /// This turn's output: the first part here, the others in `moreParts`.
    var partCount: Int32 = 0
    /// First of this session's memberships in groups, an index into the worker's table plus 1; 0: none.
    var memberships: Int32 = 0
    var firstPart = IOVector(base: nil, count: 0)
    /// The turn whose silent send is not settled until the next.
    var sendTurn: UInt64 = 0
    /// Times are `MonotonicClock` nanoseconds; 0: none.
    var receivedAt: UInt64 = 0
    var sentAt: UInt64 = 0

    // The second: what a packet in pieces or a socket that is full changes, and what handlers ask for.
    var reassembler = Reassembler()
    var backlog = Backlog()
    var violations: UInt8 = 0
    var pings: UInt8 = 0
    var endReason = EndReason.disconnected
    var partialSince: UInt64 = 0
    /// The application's number.
    var tag: UInt64 = 0

    // What is rare.
    /// In a block of `pool`, when there is more than one part.
    var moreParts: UnsafeMutablePointer<IOVector>?
    /// Input that waits for a slow part.
    var held = Backlog()
    /// The close deadline has passed once; the next time the peer is reset.
    var endIsOverdue = false
    /// The peer is counted in the limit per address.
    var isCounted = false
    /// Of a client whose hello was refused.
    var clientVersion: UInt16 = 0
    /// -1 where the port keeps the socket to itself; then `peer` is known.
    var descriptor: Int32 = -1
    var openedAt: UInt64 = 0
    var endDeadline: UInt64 = 0
    var slowPartDeadline: UInt64 = 0
    var timerDeadline: UInt64 = 0
    var violationWindow: UInt64 = 0
    var pingWindow: UInt64 = 0
    var peer = StoredAddress()
    /// Fills the fourth line.
    private var rest: UInt64 = 0

    init(generation: UInt32) { self.generation = generation }
}
