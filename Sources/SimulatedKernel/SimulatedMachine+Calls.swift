// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Overlapped

/// System calls of sockets.
extension SimulatedMachine {
    func addReference(_ socket: SimulatedSocket) {
        socket.references += 1
        socket.wasAccepted = true
    }

    func dropReference(_ socket: SimulatedSocket) {
        socket.references -= 1
        if socket.references == 0 { release(socket) }
    }

    func closeFile(_ descriptor: Int32) -> Int32 {
        elapse()
        let file = file(descriptor)
        if case .none = file {
            // What was never open is the caller's own affair; a number that was open once is somebody else's next.
            guard descriptor >= Self.firstDescriptor else { return -9 }
            fail("close of descriptor \(number(of: descriptor)), which is not open")
            return -9
        }
        free(descriptor)
        switch file {
        case .socket(let socket):
            say("close of client \(socket.number)")
            dropReference(socket)
        case .listener(let listener):
            if let armed = listener.armed { armed.ring.disarm(armed.userData) }
            for socket in listener.waiting { sendReset(socket, keepsUnread: true) }
            listener.waiting.removeAll()
            listener.watch?.set.forget(listener.watch)
        case .event(let event): event.watch?.set.forget(event.watch)
        case .none, .ring, .set: break
        }
        return 0
    }

    func shut(_ descriptor: Int32, _ how: Int32) -> Int32 {
        guard case .socket(let socket) = file(descriptor) else {
            if case .listener = file(descriptor) { return 0 }
            fail("shutdown of descriptor \(number(of: descriptor)), which is no socket")
            return -88
        }
        return shut(socket, how)
    }

    func shut(_ socket: SimulatedSocket, _ how: Int32) -> Int32 {
        guard !socket.isDead else { return -107 }
        // Both ends of stream are through, and unless the last acknowledgement is still to come it is over.
        if socket.hasSentFinish, socket.hasFinish, !socket.isLocal, dice.chance(900) { return -107 }
        // SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2.
        if how != 0 { sendFinish(socket) }
        if how != 1 {
            // What was about to arrive may have been quicker.
            if !socket.isReceiveShut, case .bytes? = socket.segments.first, dice.chance(500) { socket.arrive() }
            socket.isReceiveShut = true
            if socket.incoming.count > 0 { marks.make(.dataAfterShutdown) }
            // A local socket with bytes waiting may never tell a receive of that end (liburing issue 1549).
            if !socket.isLocal || socket.incoming.count == 0 || dice.chance(500) { becameReadable(socket) }
            socket.wantsRoom = true
            becameWritable(socket)
        }
        return 0
    }

    func acceptNow(_ listener: SimulatedListener) -> Int32 {
        guard !listener.waiting.isEmpty else { return -11 }
        let socket = listener.waiting.removeFirst()
        addReference(socket)
        let descriptor = open(.socket(socket))
        completions += 1
        note(UInt64(socket.number))
        say("client \(socket.number) is accepted as descriptor \(number(of: descriptor))")
        return descriptor
    }

    func receiveNow(_ socket: SimulatedSocket, _ memory: UnsafeMutableRawBufferPointer) -> Int {
        if socket.incoming.count > 0 {
            // Never less than there is: who reads less than he asked for may take it that nothing is left (epoll(7)).
            let count = min(memory.count, socket.incoming.count)
            socket.incoming.take(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
            noteRead(socket, count)
            note(UInt64(socket.number) << 32 | UInt64(count))
            completions += 1
            return count
        }
        // Behind an end of stream a receive says so, whatever came later (tcp_recvmsg looks at SOCK_DONE first).
        if socket.hasFinish { return 0 }
        if socket.error != 0 {
            let code = socket.error
            socket.error = 0
            return -Int(code)
        }
        return socket.isDead || socket.isReceiveShut ? 0 : -11
    }
}
