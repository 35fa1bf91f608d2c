// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Platform

/// Closing. Nothing is ever in flight here, so that close(2) may be called at once; the key stays in use until `closed`
/// has been delivered.
extension EpollPort {
    /// What is thrown away of a peer that does not stop (rule M3).
    private static let discardLimit = 65_536

    /// Ends in order: our end of stream, the peer's, then closed.
    public mutating func finish(_ key: CompletionKey) {
        guard let stream = find(key), stream.pointee.phase == .open else { return }
        precondition(!stream.pointee.isTracking && stream.pointee.sendTurn != turn, "everything sent is settled")
        if stream.pointee.peerFinished || stream.pointee.ended { return closeNow(stream, key) }
        stream.pointee.phase = .finishing
        stream.pointee.wantsReceive = false
        counts.pointee.systemCalls &+= 1
        guard SystemCalls.shutdown(stream.pointee.descriptor, SHUT_WR) == 0 else { return closeNow(stream, key) }
        updateInterest(stream, key)
        if stream.pointee.phase == .finishing, stream.pointee.isReadable { discardInput(stream, key) }
    }

    /// Ends now.
    public mutating func close(_ key: CompletionKey, hard: Bool) {
        guard let stream = find(key), stream.pointee.phase == .open || stream.pointee.phase == .finishing
        else { return }
        if hard {
            counts.pointee.systemCalls &+= 1
            SystemCalls.endWithReset(stream.pointee.descriptor)
        } else if mayHoldInput(stream.pointee), !stream.pointee.peerFinished, !stream.pointee.ended {
            // A socket that is closed with bytes unread resets its peer.
            stream.pointee.phase = .finishing
            stream.pointee.wantsReceive = false
            discardInput(stream, key)
            guard stream.pointee.phase == .finishing else { return }
        }
        closeNow(stream, key)
    }

    /// Reads and throws away; closes at the peer's end of stream or when it has been enough.
    mutating func discardInput(_ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey) {
        while stream.pointee.discarded <= Self.discardLimit {
            counts.pointee.systemCalls &+= 1
            let count = SystemCalls.receive(stream.pointee.descriptor, scratch, Self.share)
            if count > 0 {
                stream.pointee.discarded &+= count
                continue
            }
            if count < 0, errno == EINTR { continue }
            guard count < 0, errno == EAGAIN else { break }
            stream.pointee.isReadable = false
            return
        }
        closeNow(stream, key)
    }

    mutating func closeNow(_ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey) {
        stream.pointee.phase = .closed
        stream.pointee.interest = 0
        stream.pointee.wantsReceive = false
        counts.pointee.systemCalls &+= 1
        SystemCalls.close(stream.pointee.descriptor)
        stream.pointee.descriptor = -1
        pending.append(Completion(.closed, key))
    }
}
