// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// The system calls of ports and sockets: this machine's, or a foreign kernel's where the descriptor is one of its.
/// That costs a comparison. As in C, failures are -1 and `errno`.
enum SystemCalls {
    @discardableResult
    static func close(_ descriptor: Int32) -> Int32 {
        let result =
            ForeignKernel.owns(descriptor)
            ? outcome(ForeignKernel.of(descriptor).close(descriptor)) : Glibc.close(descriptor)
        noteClose(descriptor, result)
        return result
    }

    @discardableResult
    static func shutdown(_ descriptor: Int32, _ how: Int) -> Int32 {
        let how = Int32(how)
        let result =
            ForeignKernel.owns(descriptor)
            ? outcome(ForeignKernel.of(descriptor).shutdown(descriptor, how)) : Glibc.shutdown(descriptor, how)
        noteShutdown(descriptor, how, result)
        return result
    }

    /// Has the close of a socket reset its peer.
    static func endWithReset(_ descriptor: Int32) {
        guard ForeignKernel.owns(descriptor) else {
            var reset = linger(l_onoff: 1, l_linger: 0)
            _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
            return
        }
        ForeignKernel.of(descriptor).endWithReset(descriptor)
    }

    /// accept4(2); waits if the descriptor does, and if it is no foreign one.
    static func accept(_ listener: Int32) -> Int32 {
        let result =
            ForeignKernel.owns(listener) ? outcome(ForeignKernel.of(listener).accept(listener)) : cl_accept(listener)
        noteAccept(listener, result)
        return result
    }

    static func setNonBlocking(_ descriptor: Int32) {
        if !ForeignKernel.owns(descriptor) { _ = cl_set_nonblocking(descriptor) }
    }

    /// Whether somebody waits to be accepted.
    static func isWaiting(_ listener: Int32) -> Bool {
        guard ForeignKernel.owns(listener) else {
            var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            return poll(&waiting, 1, 0) == 1 && waiting.revents & Int16(POLLIN) != 0
        }
        return ForeignKernel.of(listener).isWaiting(listener)
    }

    @inline(__always)
    static func receive(_ descriptor: Int32, _ memory: UnsafeMutableRawPointer, _ count: Int) -> Int {
        let buffer = UnsafeMutableRawBufferPointer(start: memory, count: count)
        let result =
            ForeignKernel.owns(descriptor)
            ? outcome(ForeignKernel.of(descriptor).receive(descriptor, buffer))
            : recv(descriptor, memory, count, Int32(MSG_DONTWAIT))
        noteReceive(descriptor, count, result)
        return result
    }

    @inline(__always)
    static func send(_ descriptor: Int32, _ memory: UnsafeRawPointer?, _ count: Int) -> Int {
        let result: Int
        if ForeignKernel.owns(descriptor) {
            result = withUnsafePointer(to: IOVector(base: memory, count: count)) {
                outcome(ForeignKernel.of(descriptor).send(descriptor, UnsafeBufferPointer(start: $0, count: 1)))
            }
        } else {
            result = Glibc.send(descriptor, memory, count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
        noteSend(descriptor, count, result)
        return result
    }

    @inline(__always)
    static func send(_ descriptor: Int32, _ message: UnsafePointer<msghdr>) -> Int {
        guard let list = message.pointee.msg_iov else { return 0 }
        // `IOVector` is laid out as `struct iovec`.
        let parts = UnsafeBufferPointer(
            start: UnsafeRawPointer(list).assumingMemoryBound(to: IOVector.self), count: message.pointee.msg_iovlen)
        let result =
            ForeignKernel.owns(descriptor)
            ? outcome(ForeignKernel.of(descriptor).send(descriptor, parts))
            : sendmsg(descriptor, message, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        noteSend(descriptor, parts, result)
        return result
    }

    static func signal(_ event: Int32) {
        guard ForeignKernel.owns(event) else {
            var one: UInt64 = 1
            _ = write(event, &one, 8)
            return
        }
        ForeignKernel.of(event).signal(event)
    }

    static func register(_ ring: Int32, _ operation: UInt32, _ argument: UnsafeRawPointer?, _ count: UInt32) -> Int32 {
        guard ForeignKernel.owns(ring) else { return cl_register(ring, operation, argument, count) }
        return ForeignKernel.of(ring).register(ring, operation, argument, count)
    }

    private static func outcome<Result: FixedWidthInteger>(_ result: Result) -> Result {
        guard result < 0 else { return result }
        errno = Int32(truncatingIfNeeded: 0 - result)
        return -1
    }
}
