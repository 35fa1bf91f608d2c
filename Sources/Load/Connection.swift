// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Wire

/// What the engine keeps of one connection: 64 bytes, and blocks of the pool only while something is under way.
///
/// Invariants: `sending` belongs to the port from `send` until it is settled, or until `drained` when the kernel did
/// not take it whole; nothing else is sent meanwhile.
struct Connection {
    enum Phase: UInt8 {
        /// Not connected yet, or closed.
        case free
        case open
        /// Asked to end: what is in `output` still goes out.
        case leaving
        /// Ended in order; input is thrown away until the peer's end of stream.
        case finishing
        case closing
    }

    var phase = Phase.free
    var isDirty = false
    /// The kernel took `sent` bytes of `sending`; the rest waits for a tracked send.
    var isBlocked = false
    var isTracked = false
    var sent: UInt32 = 0
    var reassembler = Reassembler()
    var output = OutputBuffer()
    var sending = OutputBuffer()

    mutating func release(to pool: inout BlockPool) {
        reassembler.release(to: &pool)
        output.release(to: &pool)
        sending.release(to: &pool)
        isBlocked = false
        isTracked = false
    }
}
