// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// What a port knows of one listener.
struct ListenerState {
    var descriptor: Int32 = -1
    var isArmed = false
    var isStopping = false
}

/// Accepting: one multishot accept for each listener.
extension UringPort {
    /// Accepts on a listening socket until `stopAccepting`.
    public mutating func accept(on descriptor: Int32, listener: Int) {
        precondition(listener >= 0 && listener < 64)
        while listeners.count <= listener { listeners.append(ListenerState()) }
        precondition(listeners[listener].descriptor < 0, "the listener's number is free")
        listeners[listener] = ListenerState(descriptor: descriptor)
        armAccept(listener)
    }

    /// Goes on after `acceptPaused`.
    public mutating func resumeAccepting(listener: Int) {
        guard listener < listeners.count, listeners[listener].descriptor >= 0, !listeners[listener].isArmed,
            !listeners[listener].isStopping
        else { return }
        armAccept(listener)
    }

    /// Takes what waits in the accept queue, closes the listener, ends with `acceptStopped`.
    public mutating func stopAccepting(listener: Int) {
        guard listener < listeners.count, listeners[listener].descriptor >= 0, !listeners[listener].isStopping
        else { return }
        listeners[listener].isStopping = true
        guard listeners[listener].isArmed else { return emptyAcceptQueue(listener) }
        cancelAccept(listener)
    }

    private mutating func cancelAccept(_ listener: Int) {
        let key = CompletionKey(slot: listener, generation: 0).rawValue
        cancel(key | UringOperation.accept, as: key | UringOperation.cancelAccept)
    }

    /// A multishot accept that is just being carried on is not found by a cancel: it is asked again until it is.
    mutating func completeCancelAccept(_ key: CompletionKey, _ result: Int32) {
        let listener = key.slot
        guard result != 0, listener < listeners.count, listeners[listener].isStopping, listeners[listener].isArmed
        else { return }
        counts.pointee.cancelsRepeated &+= 1
        cancelAccept(listener)
    }

    private mutating func armAccept(_ listener: Int) {
        listeners[listener].isArmed = true
        let sqe = entry()
        sqe.pointee.opcode = UInt8(CL_OP_ACCEPT)
        sqe.pointee.fd = listeners[listener].descriptor
        sqe.pointee.ioprio = UInt16(CL_ACCEPT_MULTISHOT)
        sqe.pointee.user_data = CompletionKey(slot: listener, generation: 0).rawValue | UringOperation.accept
        cl_sqe_set_accept_flags(sqe, UInt32(CL_SOCK_CLOEXEC))
    }

    mutating func completeAccept(_ key: CompletionKey, _ result: Int32, _ flags: UInt32) -> Completion? {
        let listener = key.slot
        guard listener < listeners.count, listeners[listener].descriptor >= 0 else { return nil }
        let isLast = flags & UInt32(CL_CQE_F_MORE) == 0
        if isLast { listeners[listener].isArmed = false }
        if listeners[listener].isStopping {
            if isLast { emptyAcceptQueue(listener) }
            return result >= 0 ? Completion(.accepted, key, result: result) : nil
        }
        switch result {
        case 0...:
            if isLast { armAccept(listener) }
            return Completion(.accepted, key, result: result)
        case -ECONNABORTED, -EINTR, -EAGAIN, -EPROTO, -ECANCELED:
            if isLast { armAccept(listener) }
            return nil
        default:
            guard isLast else { return nil }
            counts.pointee.acceptPauses &+= 1
            return Completion(.acceptPaused, key, result: -result)
        }
    }

    /// A listener that is closed resets what waits in its queue, so the queue is emptied first (rule M12).
    private mutating func emptyAcceptQueue(_ listener: Int) {
        let key = CompletionKey(slot: listener, generation: 0)
        let descriptor = listeners[listener].descriptor
        SystemCalls.setNonBlocking(descriptor)
        while true {
            counts.pointee.systemCalls &+= 1
            let accepted = SystemCalls.accept(descriptor)
            if accepted < 0, errno == EINTR || errno == ECONNABORTED { continue }
            guard accepted >= 0 else { break }
            pending.append(Completion(.accepted, key, result: accepted))
        }
        SystemCalls.close(descriptor)
        listeners[listener].descriptor = -1
        pending.append(Completion(.acceptStopped, key))
    }
}
