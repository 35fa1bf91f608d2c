// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// What the epoll port knows of one listener.
struct EpollListener {
    var descriptor: Int32 = -1
    var isPaused = false
}

/// Accepting: until the queue is empty or a turn's share is taken.
extension EpollPort {
    /// Connections that a listener may bring in one turn, so that those who are there already are served.
    private static let acceptShare = 256

    /// Accepts on a listening socket until `stopAccepting`.
    public mutating func accept(on descriptor: Int32, listener: Int) {
        precondition(listener >= 0 && listener < 64)
        while listeners.count <= listener { listeners.append(EpollListener()) }
        precondition(listeners[listener].descriptor < 0, "the listener's number is free")
        SystemCalls.setNonBlocking(descriptor)
        listeners[listener] = EpollListener(descriptor: descriptor)
        let refused = set.add(descriptor, EpollSet.listener, data: Self.data(listener))
        guard refused != 0 else { return }
        listeners[listener].isPaused = true
        pending.append(Completion(.acceptPaused, CompletionKey(slot: listener, generation: 0), result: refused))
    }

    /// Goes on after `acceptPaused`.
    public mutating func resumeAccepting(listener: Int) {
        guard listener < listeners.count, listeners[listener].descriptor >= 0, listeners[listener].isPaused
        else { return }
        listeners[listener].isPaused = false
        let descriptor = listeners[listener].descriptor
        // It was never added when the kernel refused it.
        _ = set.add(descriptor, EpollSet.listener, data: Self.data(listener))
        set.change(descriptor, EpollSet.listener, data: Self.data(listener))
    }

    /// Takes what waits in the accept queue, closes the listener, ends with `acceptStopped`.
    ///
    /// A listener that is closed resets what waits in its queue, so the queue is emptied first (rule M12).
    public mutating func stopAccepting(listener: Int) {
        guard listener < listeners.count, listeners[listener].descriptor >= 0 else { return }
        let key = CompletionKey(slot: listener, generation: 0)
        while true {
            counts.pointee.systemCalls &+= 1
            let accepted = SystemCalls.accept(listeners[listener].descriptor)
            if accepted < 0, errno == EINTR || errno == ECONNABORTED { continue }
            guard accepted >= 0 else { break }
            pending.append(Completion(.accepted, key, result: accepted))
        }
        SystemCalls.close(listeners[listener].descriptor)
        listeners[listener].descriptor = -1
        pending.append(Completion(.acceptStopped, key))
    }

    /// The next connection of a listener whose event this is; nil when there is none, or enough for this turn.
    mutating func acceptNext(_ key: CompletionKey) -> Completion? {
        let listener = key.slot
        while listener < listeners.count, listeners[listener].descriptor >= 0, !listeners[listener].isPaused,
            acceptCount < Self.acceptShare
        {
            acceptCount &+= 1
            counts.pointee.systemCalls &+= 1
            let accepted = SystemCalls.accept(listeners[listener].descriptor)
            if accepted >= 0 {
                counts.pointee.completions &+= 1
                return Completion(.accepted, key, result: accepted)
            }
            switch errno {
            case EAGAIN: return nil
            case EINTR, ECONNABORTED, EPROTO: continue
            default:
                let code = errno
                counts.pointee.acceptPauses &+= 1
                listeners[listener].isPaused = true
                set.change(listeners[listener].descriptor, 0, data: Self.data(listener))
                return Completion(.acceptPaused, key, result: code)
            }
        }
        return nil
    }

    private static func data(_ listener: Int) -> UInt64 {
        CompletionKey(slot: listener, generation: 0).rawValue | EpollSource.listener
    }
}
