// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
@_spi(Measuring) internal import Overlapped

/// What an armed operation does when it is carried on: in the order of its own stream, whatever others do.
extension SimulatedRing {
    /// Pieces that a multishot receive brings before others have their turn.
    private static let pieceLimit = 32

    // MARK: Receive

    func receive(_ socket: SimulatedSocket) {
        guard socket.receiver?.ring === self else { return }
        socket.receiver?.isQueued = false
        for _ in 0..<Self.pieceLimit {
            guard let receiver = socket.receiver else { return }
            guard socket.incoming.count > 0 else { return endReceive(socket, receiver) }
            guard let buffers else { return machine.fail("a receive without buffers") }
            buffers.look()
            if buffers.isEmpty || machine.strikes(.earlyNoBuffers) {
                machine.marks.make(buffers.isEmpty ? .noBuffers : .earlyNoBuffers)
                return finish(socket, receiver, -ENOBUFS)
            }
            guard receivePiece(socket, receiver, buffers) else { return }
        }
        machine.becameReadable(socket)
    }

    /// Nothing is there: waits on, or ends for good.
    private func endReceive(_ socket: SimulatedSocket, _ receiver: ArmedReceive) {
        if socket.error != 0, !socket.hasFinish {
            let code = socket.error
            socket.error = 0
            return finish(socket, receiver, -code)
        }
        if socket.hasFinish || socket.isDead || socket.isReceiveShut { finish(socket, receiver, 0) }
    }

    /// Returns whether the receive goes on.
    private func receivePiece(
        _ socket: SimulatedSocket, _ receiver: ArmedReceive, _ buffers: SimulatedBuffers
    ) -> Bool {
        let count = machine.portion(of: min(socket.incoming.count, buffers.room))
        var flags = buffers.use(count) { socket.incoming.take(into: $0) }
        machine.noteRead(socket, count)
        let total = receiver.total + count
        socket.receiver?.total = total
        var goesOn = receiver.isMultishot && hasRoom
        if goesOn, receiver.limit > 0, total >= receiver.limit {
            machine.marks.make(.receiveLimit)
            goesOn = false
        }
        if goesOn, machine.strikes(.multishotEnds) {
            machine.marks.make(.multishotEnds)
            goesOn = false
        }
        if goesOn {
            flags |= UInt32(CL_CQE_F_MORE)
        } else {
            disarm(receiver.userData)
            socket.receiver = nil
        }
        post(receiver.userData, Int32(truncatingIfNeeded: count), flags)
        return goesOn
    }

    private func finish(_ socket: SimulatedSocket, _ receiver: ArmedReceive, _ result: Int32) {
        disarm(receiver.userData)
        socket.receiver = nil
        post(receiver.userData, result)
    }

    // MARK: Send

    func goOnSending(_ socket: SimulatedSocket) {
        guard let sender = socket.sender, sender.ring === self else { return }
        socket.sender?.isQueued = false
        let rest = UnsafeRawBufferPointer(rebasing: sender.bytes[sender.taken...])
        let result = withUnsafePointer(to: IOVector(rest)) {
            machine.transmit(socket, UnsafeBufferPointer(start: $0, count: 1))
        }
        switch result {
        case 0...:
            socket.sender?.taken += result
            if result == rest.count { return endSend(socket) }
            guard machine.strikes(.cutTrackedSend) else { return }
            machine.marks.make(.cutTrackedSend)
            endSend(socket)
        case Int(-EAGAIN): return
        case Int(-ENOBUFS), Int(-ENOMEM):
            // The caller waits, so the kernel tries again by itself.
            return
        default:
            if sender.taken > 0 { return endSend(socket) }
            disarm(sender.userData)
            socket.sender = nil
            post(sender.userData, Int32(truncatingIfNeeded: result))
        }
    }

    private func endSend(_ socket: SimulatedSocket) {
        guard let sender = socket.sender else { return }
        checkSent(socket)
        disarm(sender.userData)
        socket.sender = nil
        post(sender.userData, Int32(truncatingIfNeeded: sender.taken))
    }

    /// The kernel reads a send's memory at any time until its completion.
    func checkSent(_ socket: SimulatedSocket) {
        guard let sender = socket.sender else { return }
        machine.require(
            Digest.of(sender.bytes) == sender.digest,
            "memory of a send to client \(socket.number) was written to while it was in flight")
    }

    // MARK: Accept

    func accept(_ listener: SimulatedListener) {
        listener.isQueued = false
        guard let armed = listener.armed, armed.ring === self else { return }
        while !listener.waiting.isEmpty {
            if machine.strikes(.acceptError) {
                let isAborted = machine.dice.chance(500)
                if isAborted {
                    machine.marks.make(.connectionAborted)
                    machine.sendReset(listener.waiting.removeFirst(), keepsUnread: true)
                }
                return endAccept(listener, isAborted ? -ECONNABORTED : machine.dice.pick([-EMFILE, -ENFILE, -ENOBUFS]))
            }
            let goesOn = hasRoom && !machine.strikes(.multishotEnds)
            let descriptor = machine.acceptNow(listener)
            if !goesOn {
                machine.marks.make(.multishotEnds)
                disarm(armed.userData)
                listener.armed = nil
            }
            post(armed.userData, descriptor, goesOn ? UInt32(CL_CQE_F_MORE) : 0)
            if !goesOn { return }
        }
    }

    private func endAccept(_ listener: SimulatedListener, _ result: Int32) {
        guard let armed = listener.armed else { return }
        disarm(armed.userData)
        listener.armed = nil
        post(armed.userData, result)
    }

    // MARK: Eventfd

    func read(_ event: SimulatedEvent) {
        guard let reader = event.reader, reader.ring === self, event.count > 0 else { return }
        reader.memory?.storeBytes(of: event.count, as: UInt64.self)
        event.count = 0
        event.reader = nil
        machine.marks.make(.doorbell)
        post(reader.userData, 8)
    }
}
