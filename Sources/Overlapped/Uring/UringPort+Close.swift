// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Closing, exactly (rule M3): nothing calls close(2) on a stream while anything of it is in flight, because the
/// descriptor's number is somebody else's at once and what is still queued would reach a stranger.
extension UringPort {
    /// Ends in order: our end of stream, the peer's, then closed.
    public mutating func finish(_ key: CompletionKey) {
        guard let stream = find(key), stream.pointee.phase == .open else { return }
        precondition(!stream.pointee.trackedInFlight && stream.pointee.sendTurn != turn, "everything sent is settled")
        if stream.pointee.peerFinished || stream.pointee.ended { return beginClose(stream, key) }
        stream.pointee.phase = .finishing
        dropHeld(stream)
        guard endSending(stream, key) else { return beginClose(stream, key) }
        stream.pointee.wantsReceive = true
        arm(stream, key)
    }

    /// Ends now.
    public mutating func close(_ key: CompletionKey, hard: Bool) {
        guard let stream = find(key) else { return }
        switch stream.pointee.phase {
        case .free, .closeQueued: return
        case .closing where !hard || stream.pointee.isHard: return
        default: break
        }
        stream.pointee.isHard = hard
        beginClose(stream, key)
    }

    mutating func beginClose(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        stream.pointee.phase = .closing
        stream.pointee.wantsReceive = false
        dropHeld(stream)
        if stream.pointee.receiveInFlight || stream.pointee.trackedInFlight { counts.pointee.closesInFlight &+= 1 }
        if stream.pointee.isHard || stream.pointee.isDirect {
            cancelReceive(stream, key)
            cancelTracked(stream, key)
        } else if stream.pointee.receiveInFlight || stream.pointee.trackedInFlight {
            // Ends both: the receive completes with 0, the send with EPIPE.
            counts.pointee.systemCalls &+= 1
            SystemCalls.shutdown(stream.pointee.descriptor, SHUT_RDWR)
            // A local socket with bytes waiting may never tell a multishot receive of that end (liburing issue 1549).
            cancelReceive(stream, key)
        }
        advanceClose(stream, key)
    }

    /// Sends our end of stream; false when there is nobody any more to get it.
    private mutating func endSending(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) -> Bool {
        if stream.pointee.isDirect {
            shutdownDirect(stream, key)
            return true
        }
        counts.pointee.systemCalls &+= 1
        return SystemCalls.shutdown(stream.pointee.descriptor, SHUT_WR) == 0
    }

    private mutating func cancelTracked(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        guard stream.pointee.trackedInFlight else { return }
        cancel(key.rawValue | UringOperation.trackedSend, as: key.rawValue | UringOperation.cancelSend)
    }

    /// A send that is just being carried on is not found by a cancel: it is asked again until it is.
    mutating func completeCancelSend(_ key: CompletionKey, _ result: Int32) {
        guard result != 0, let stream = find(key), stream.pointee.phase == .closing else { return }
        if stream.pointee.trackedInFlight { counts.pointee.cancelsRepeated &+= 1 }
        cancelTracked(stream, key)
    }

    /// Queues the close once nothing is in flight. A silent send that is queued stands before it in the same queue.
    mutating func advanceClose(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        #if GORI_CANARIES
            if Canary.sings(.slot), stream.pointee.phase == .closing { stream.pointee.receiveInFlight = false }
        #endif
        guard
            stream.pointee.phase == .closing, !stream.pointee.receiveInFlight, !stream.pointee.trackedInFlight,
            !stream.pointee.shutdownInFlight
        else { return }
        if stream.pointee.isDirect { return closeDirect(stream, key) }
        if stream.pointee.isHard {
            counts.pointee.systemCalls &+= 1
            SystemCalls.endWithReset(stream.pointee.descriptor)
        }
        unregister(stream, key)
        stream.pointee.phase = .closeQueued
        let sqe = entry()
        sqe.pointee.opcode = UInt8(CL_OP_CLOSE)
        sqe.pointee.fd = stream.pointee.descriptor
        sqe.pointee.user_data = key.rawValue | UringOperation.close
    }

    /// Reads the closes that nobody has looked at, for a port that goes.
    func noteClosed() {
        var index = ring.completionHead
        while index != ring.completionTail {
            let userData = ring.completion(index).pointee.user_data
            index &+= 1
            guard userData & 0xFF == UringOperation.close, let stream = find(CompletionKey(userData: userData)) else {
                continue
            }
            stream.pointee.phase = .free
        }
    }

    mutating func completeClose(_ key: CompletionKey) -> Completion? {
        guard let stream = find(key) else { return nil }
        stream.pointee.phase = .free
        countStreams(by: -1)
        stream.pointee.descriptor = -1
        stream.pointee.file = -1
        stream.pointee.fileFlags = 0
        stream.pointee.isDirect = false
        return Completion(.closed, key)
    }
}
