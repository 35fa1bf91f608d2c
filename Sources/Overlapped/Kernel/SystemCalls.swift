// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// The system calls of ports and sockets: this machine's, or a foreign kernel's where the descriptor is one of its.
/// That costs a comparison. As in C, failures are -1 and `errno`.
enum SystemCalls {
    @discardableResult
    static func close(_ descriptor: Int32) -> Int32 {
        guard ForeignKernel.owns(descriptor) else { return Glibc.close(descriptor) }
        return outcome(ForeignKernel.of(descriptor).close(descriptor))
    }

    @discardableResult
    static func shutdown(_ descriptor: Int32, _ how: Int) -> Int32 {
        guard ForeignKernel.owns(descriptor) else { return Glibc.shutdown(descriptor, Int32(how)) }
        return outcome(ForeignKernel.of(descriptor).shutdown(descriptor, Int32(how)))
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
        guard ForeignKernel.owns(listener) else { return cl_accept(listener) }
        return outcome(ForeignKernel.of(listener).accept(listener))
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
        guard ForeignKernel.owns(descriptor) else { return recv(descriptor, memory, count, Int32(MSG_DONTWAIT)) }
        let buffer = UnsafeMutableRawBufferPointer(start: memory, count: count)
        return outcome(ForeignKernel.of(descriptor).receive(descriptor, buffer))
    }

    @inline(__always)
    static func send(_ descriptor: Int32, _ memory: UnsafeRawPointer?, _ count: Int) -> Int {
        guard ForeignKernel.owns(descriptor) else {
            return Glibc.send(descriptor, memory, count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
        let part = IOVector(base: memory, count: count)
        return withUnsafePointer(to: part) {
            outcome(ForeignKernel.of(descriptor).send(descriptor, UnsafeBufferPointer(start: $0, count: 1)))
        }
    }

    @inline(__always)
    static func send(_ descriptor: Int32, _ message: UnsafePointer<msghdr>) -> Int {
        guard ForeignKernel.owns(descriptor) else {
            return sendmsg(descriptor, message, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
        guard let list = message.pointee.msg_iov else { return 0 }
        // `IOVector` is laid out as `struct iovec`.
        let parts = UnsafeRawPointer(list).assumingMemoryBound(to: IOVector.self)
        let buffer = UnsafeBufferPointer(start: parts, count: message.pointee.msg_iovlen)
        return outcome(ForeignKernel.of(descriptor).send(descriptor, buffer))
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
