// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Platform

/// Level-triggered watching (`PortTechniques.levelTriggered`): a stream is watched for what its caller waits for now,
/// and the kernel tells again for as long as that is so (epoll(7)).
///
/// What is watched for nothing is taken out of the set, because errors and a hang-up are told whatever the interest.
extension EpollPort {
    /// Watches a stream for what is wanted of it now; nothing to do when that is what it is watched for already.
    mutating func updateInterest(_ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey) {
        guard techniques.contains(.levelTriggered) else { return }
        let before = stream.pointee.interest
        let wanted = Self.interest(of: stream.pointee)
        guard wanted != before else { return }
        stream.pointee.interest = wanted
        counts.pointee.systemCalls &+= 1
        let data = key.rawValue | EpollSource.stream
        if before == 0 {
            let refused = set.add(stream.pointee.descriptor, wanted, data: data)
            if refused != 0 { notWatched(stream, key, refused) }
        } else if wanted == 0 {
            set.remove(stream.pointee.descriptor)
        } else {
            set.change(stream.pointee.descriptor, wanted, data: data)
        }
    }

    private static func interest(of stream: EpollStream) -> UInt32 {
        switch stream.phase {
        case .open where !stream.ended:
            let reads = stream.wantsReceive && !stream.peerFinished
            return (reads ? UInt32(CL_EPOLL_IN) : 0) | (stream.waitsForRoom ? UInt32(CL_EPOLL_OUT) : 0)
        case .finishing: return UInt32(CL_EPOLL_IN)
        default: return 0
        }
    }

    private mutating func notWatched(
        _ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey, _ code: Int32
    ) {
        stream.pointee.interest = 0
        guard stream.pointee.phase == .open else { return closeNow(stream, key) }
        if let end = fail(stream, key, code) { endings.append(end) }
    }

    /// A tracked send waits for room, or no longer does.
    mutating func waitForRoom(_ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey, _ waits: Bool) {
        guard stream.pointee.waitsForRoom != waits else { return }
        stream.pointee.waitsForRoom = waits
        updateInterest(stream, key)
    }

    /// Whether bytes may lie in the socket that nobody has asked for: unread they would turn a close into a reset.
    func mayHoldInput(_ stream: EpollStream) -> Bool {
        stream.isReadable || (techniques.contains(.levelTriggered) && !stream.wantsReceive)
    }
}
