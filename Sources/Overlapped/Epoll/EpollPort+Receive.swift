// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Receiving: an edge says that there is something, then the stream is read until a read comes back short.
///
/// A stream fills at most its share of a turn's memory; what is left of it is read in the next turn, behind those that
/// found no memory at all.
extension EpollPort {
    private static let readEvents =
        UInt32(CL_EPOLL_IN) | UInt32(CL_EPOLL_PRI) | UInt32(CL_EPOLL_RDHUP) | UInt32(CL_EPOLL_HUP)
        | UInt32(CL_EPOLL_ERR)
    /// Behind these a read that comes back short is followed by another.
    private static let endEvents =
        UInt32(CL_EPOLL_PRI) | UInt32(CL_EPOLL_RDHUP) | UInt32(CL_EPOLL_HUP) | UInt32(CL_EPOLL_ERR)
    private static let sendEvents = UInt32(CL_EPOLL_OUT) | UInt32(CL_EPOLL_HUP) | UInt32(CL_EPOLL_ERR)

    /// Makes a connected stream socket known under `key`.
    public mutating func associate(_ descriptor: Int32, key: CompletionKey) {
        precondition(key.slot < capacity && streams[key.slot].phase == .free, "the slot is free")
        let stream = streams + key.slot
        stream.pointee = EpollStream()
        stream.pointee.descriptor = descriptor
        stream.pointee.generation = key.generation
        stream.pointee.phase = .open
        if techniques.contains(.levelTriggered) { return }
        counts.pointee.systemCalls &+= 1
        let refused = set.add(descriptor, EpollSet.stream, data: key.rawValue | EpollSource.stream)
        guard refused != 0, let end = fail(stream, key, refused) else { return }
        endings.append(end)
    }

    /// Starts to receive, or goes on after `pause`.
    public mutating func receive(_ key: CompletionKey) {
        guard let stream = find(key), stream.pointee.phase == .open, !stream.pointee.peerFinished,
            !stream.pointee.ended
        else { return }
        stream.pointee.wantsReceive = true
        if techniques.contains(.levelTriggered) { return updateInterest(stream, key) }
        guard stream.pointee.isReadable, !stream.pointee.isQueued else { return }
        stream.pointee.isQueued = true
        starved.append(key)
    }

    /// Stops receiving.
    public mutating func pause(_ key: CompletionKey) {
        guard let stream = find(key), stream.pointee.phase == .open else { return }
        stream.pointee.wantsReceive = false
        updateInterest(stream, key)
    }

    /// An event of a stream.
    @inline(__always)
    mutating func ready(_ key: CompletionKey, _ flags: UInt32) -> Completion? {
        guard let stream = note(key, flags), stream.pointee.isReadable, !stream.pointee.isQueued else { return nil }
        return read(stream, key)
    }

    /// An event of a stream that nobody has asked for: it is read in the next turn.
    mutating func noteEvent(_ key: CompletionKey, _ flags: UInt32) {
        guard let stream = note(key, flags), stream.pointee.isReadable, !stream.pointee.isQueued else { return }
        stream.pointee.isQueued = true
        starved.append(key)
    }

    /// Remembers what a stream is ready for, and goes on sending.
    @inline(__always)
    private mutating func note(_ key: CompletionKey, _ flags: UInt32) -> UnsafeMutablePointer<EpollStream>? {
        guard let stream = find(key) else {
            counts.pointee.stale &+= 1
            return nil
        }
        if flags & Self.sendEvents != 0, stream.pointee.isTracking, let completion = goOnSending(stream, key) {
            pending.append(completion)
        }
        if flags & Self.readEvents != 0 { stream.pointee.isReadable = true }
        if flags & Self.endEvents != 0 { stream.pointee.readsToTheEnd = true }
        return stream
    }

    /// A stream whose turn has come in a reading list.
    mutating func readQueued(_ key: CompletionKey) -> Completion? {
        guard let stream = find(key) else { return nil }
        stream.pointee.isQueued = false
        return read(stream, key)
    }

    /// Reads once, where the stream wants it.
    @inline(__always)
    private mutating func read(_ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey) -> Completion? {
        guard stream.pointee.wantsReceive else {
            if stream.pointee.phase == .finishing { discardInput(stream, key) }
            return nil
        }
        let room = min(Self.share, Self.memorySize &- filled)
        guard room >= Self.leastRoom else {
            counts.pointee.buffersExhausted &+= 1
            stream.pointee.isQueued = true
            starved.append(key)
            return nil
        }
        counts.pointee.systemCalls &+= 1
        cl_show(memory + filled, room)
        let count = SystemCalls.receive(stream.pointee.descriptor, memory + filled, room)
        cl_hide(memory + (filled &+ max(0, count)), room &- max(0, count))
        guard count > 0 else { return endOfRead(stream, key, count == 0 ? 0 : errno) }
        counts.pointee.completions &+= 1
        let slice = ReceiveSlice(
            offset: UInt32(truncatingIfNeeded: filled), count: UInt32(truncatingIfNeeded: count))
        filled &+= count
        if techniques.contains(.levelTriggered) {
            stream.pointee.isReadable = count == room
        } else if count == room {
            stream.pointee.isQueued = true
            greedy.append(key)
        } else if stream.pointee.readsToTheEnd {
            stream.pointee.isQueued = true
            reading.append(key)
        } else {
            stream.pointee.isReadable = false
        }
        return Completion(.received, key, slice: slice)
    }

    /// A read that brought nothing: `code` is its errno, 0 for the peer's end of stream.
    private mutating func endOfRead(
        _ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey, _ code: Int32
    ) -> Completion? {
        switch code {
        case EAGAIN:
            stream.pointee.isReadable = false
            stream.pointee.readsToTheEnd = false
            return nil
        case EINTR, ENOMEM, ENOBUFS:
            if techniques.contains(.levelTriggered) { return nil }
            stream.pointee.isQueued = true
            greedy.append(key)
            return nil
        case 0:
            counts.pointee.completions &+= 1
            stream.pointee.peerFinished = true
            stream.pointee.wantsReceive = false
            updateInterest(stream, key)
            return Completion(.finished, key)
        default:
            return fail(stream, key, code)
        }
    }

    /// The first fatal result of a stream, told once.
    mutating func fail(
        _ stream: UnsafeMutablePointer<EpollStream>, _ key: CompletionKey, _ code: Int32
    ) -> Completion? {
        guard !stream.pointee.ended else { return nil }
        if code == EFAULT { counts.pointee.noteFault() }
        stream.pointee.ended = true
        stream.pointee.wantsReceive = false
        updateInterest(stream, key)
        return Completion(.ended, key, result: code)
    }
}
