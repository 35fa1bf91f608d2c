// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Sending: at once, and what the kernel does not take is told first thing in the next turn. Only a tracked send waits
/// for room.
extension EpollPort {
    /// Sends a gather list, once per stream and turn.
    public mutating func send(_ key: CompletionKey, _ parts: UnsafeBufferPointer<IOVector>) {
        guard let stream = find(key), stream.pointee.phase == .open, !stream.pointee.ended, !parts.isEmpty
        else { return }
        precondition(stream.pointee.sendTurn != turn && !stream.pointee.isTracking, "one send in flight a stream")
        precondition(parts.count <= 64, "a gather list has at most 64 parts")
        stream.pointee.sendTurn = turn
        if techniques.contains(.sendPerPacket) { return sendEach(stream, key, parts) }
        counts.pointee.systemCalls &+= 1
        counts.pointee.submissions &+= 1
        var total = parts[0].count
        let sent: Int
        if parts.count == 1 {
            sent = SystemCalls.send(stream.pointee.descriptor, parts[0].base, total)
        } else {
            for index in 1..<parts.count { total &+= parts[index].count }
            var header = msghdr()
            header.msg_iov = UnsafeMutableRawPointer(mutating: parts.baseAddress)?.assumingMemoryBound(to: iovec.self)
            header.msg_iovlen = parts.count
            sent = SystemCalls.send(stream.pointee.descriptor, &header)
        }
        guard sent != total else { return }
        notTaken(stream, key, parts, sent < 0 ? -errno : Int32(truncatingIfNeeded: sent))
    }

    /// One call for each part, up to the first that is not taken whole (`PortTechniques.sendPerPacket`).
    private mutating func sendEach(
        _ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey, _ parts: UnsafeBufferPointer<IOVector>
    ) {
        var taken = 0
        for part in parts {
            counts.pointee.systemCalls &+= 1
            counts.pointee.submissions &+= 1
            let sent = SystemCalls.send(stream.pointee.descriptor, part.base, part.count)
            taken &+= max(0, sent)
            if sent == part.count { continue }
            let isBlocked = sent >= 0 || [EAGAIN, ENOBUFS, ENOMEM, EINTR].contains(errno)
            return notTaken(stream, key, parts, isBlocked ? Int32(truncatingIfNeeded: taken) : -errno)
        }
    }

    private mutating func notTaken(
        _ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey, _ parts: UnsafeBufferPointer<IOVector>,
        _ result: Int32
    ) {
        switch result {
        case 0..., -EAGAIN, -ENOBUFS, -ENOMEM, -EINTR:
            counts.pointee.blockedSends &+= 1
            stream.pointee.unsentStart = UInt32(truncatingIfNeeded: nextUnsent.count)
            stream.pointee.unsentCount = UInt32(truncatingIfNeeded: parts.count)
            nextUnsent.append(contentsOf: parts)
            blocked.append(Completion(.blocked, key, result: max(result, 0)))
        default:
            if let end = fail(stream, key, -result) { endings.append(end) }
        }
    }

    /// Calls `body` with the parts of a `blocked` send that the kernel did not take whole.
    public mutating func withUnsent(
        _ blocked: Completion, _ body: (_ part: UnsafeRawBufferPointer, _ taken: Int) -> Void
    ) {
        guard let stream = find(blocked.key) else { return }
        let start = Int(stream.pointee.unsentStart)
        let end = start &+ Int(stream.pointee.unsentCount)
        guard end <= unsent.count else { return }
        var skip = Int(blocked.result)
        for index in start..<end {
            let bytes = unsent[index].bytes
            if skip >= bytes.count {
                skip &-= bytes.count
                continue
            }
            body(bytes, skip)
            skip = 0
        }
    }

    /// Sends all of `bytes`, ended by `drained`.
    public mutating func sendTracked(_ key: CompletionKey, _ bytes: UnsafeRawBufferPointer) {
        guard let stream = find(key), stream.pointee.phase == .open, !stream.pointee.ended else { return }
        precondition(stream.pointee.sendTurn != turn && !stream.pointee.isTracking, "one send in flight a stream")
        stream.pointee.tracked = bytes.baseAddress
        stream.pointee.trackedCount = bytes.count
        stream.pointee.isTracking = true
        guard let completion = goOnSending(stream, key) else { return }
        if completion.kind == .ended { endings.append(completion) } else { pending.append(completion) }
    }

    /// Sends what is left of a tracked send as far as there is room. Returns its end.
    mutating func goOnSending(_ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey) -> Completion? {
        guard stream.pointee.phase == .open, !stream.pointee.ended else { return nil }
        while stream.pointee.trackedCount > 0 {
            counts.pointee.systemCalls &+= 1
            counts.pointee.submissions &+= 1
            let count = SystemCalls.send(
                stream.pointee.descriptor, stream.pointee.tracked, stream.pointee.trackedCount)
            if count >= 0 {
                stream.pointee.tracked = stream.pointee.tracked.map { $0 + count }
                stream.pointee.trackedCount &-= count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                waitForRoom(stream, key, true)
                return nil
            case ENOMEM, ENOBUFS:
                waitForRoom(stream, key, false)
                retrying.append(key)
                return nil
            default:
                stream.pointee.isTracking = false
                return fail(stream, key, errno)
            }
        }
        waitForRoom(stream, key, false)
        stream.pointee.isTracking = false
        stream.pointee.tracked = nil
        return Completion(.drained, key)
    }

    /// No event tells that there is memory again.
    mutating func retrySends() {
        let keys = retrying
        retrying.removeAll(keepingCapacity: true)
        for key in keys {
            guard let stream = find(key), stream.pointee.isTracking, let completion = goOnSending(stream, key)
            else { continue }
            pending.append(completion)
        }
    }
}
