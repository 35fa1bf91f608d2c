// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) public import Overlapped

/// The network: connections that come, bytes that arrive, room that there is again.
extension SimulatedMachine {
    /// Makes a listener, whose descriptor is the caller's.
    public func listen() -> Int32 { open(.listener(SimulatedListener())) }

    /// A client connects; it waits to be accepted from now on.
    ///
    /// - Parameters:
    ///   - listener: one that `listen` gave.
    ///   - window: bytes that the client takes before it reads.
    ///   - address: what the server sees; nil when it cannot be told.
    ///   - isLocal: whether it is a socket of this machine (unix(7)) and no TCP.
    /// - Returns: nil when nobody listens any more.
    public func connect(
        to listener: Int32, window: Int, address: SocketAddress? = nil, isLocal: Bool = false
    ) -> SimulatedSocket? {
        guard case .listener(let listener) = file(listener) else { return nil }
        let socket = SimulatedSocket(connections.count, self, window: window, address: address, isLocal: isLocal)
        connections.append(socket)
        listener.waiting.append(socket)
        say("client \(socket.number) connects")
        becameReadable(listener)
        return socket
    }

    /// How long the next segment travels.
    func travelTime() -> UInt64 { UInt64(dice.within(travelRange)) }

    func becameReadable(_ socket: SimulatedSocket) {
        if socket.readableSince == .max { socket.readableSince = clock }
        if socket.receiver?.isQueued == false {
            socket.receiver?.isQueued = true
            socket.receiver?.ring.add(.receive(socket))
        }
        socket.watch?.set.tell(socket.watch, socket.readiness & ~SimulatedEventSet.writable)
    }

    func becameWritable(_ socket: SimulatedSocket) {
        guard socket.wantsRoom || socket.isDead else { return }
        socket.wantsRoom = false
        marks.make(.writableAgain)
        if socket.sender?.isQueued == false {
            socket.sender?.isQueued = true
            socket.sender?.ring.add(.send(socket))
        }
        socket.watch?.set.tell(socket.watch, SimulatedEventSet.writable)
    }

    func becameReadable(_ listener: SimulatedListener) {
        if let armed = listener.armed, !listener.isQueued, !listener.waiting.isEmpty {
            listener.isQueued = true
            armed.ring.add(.accept(listener))
        }
    }

    /// Takes what there is room for. Returns the count, or minus an errno.
    ///
    /// - Parameter isWhole: the caller waits for the rest, so that a cut may be made up for.
    func transmit(_ socket: SimulatedSocket, _ parts: UnsafeBufferPointer<IOVector>) -> Int {
        if socket.error != 0 {
            let code = socket.error
            socket.error = 0
            return -Int(code)
        }
        guard !socket.isDead, !socket.hasSentFinish, socket.end == .none else { return -32 }
        if parts.contains(where: { isMissing($0.bytes) }) { return -14 }
        if strikes(.refusedSend) {
            marks.make(.refusedSend)
            roomLater(socket)
            return -Int(dice.pick([105, 12, 11]))
        }
        var total = 0
        for part in parts { total += part.count }
        var room = socket.room
        if room < total { marks.make(.fullSocket) }
        // A connection that has sent nothing yet takes a few bytes whole, in every kernel.
        let isFresh = socket.bytesSent == 0 && total <= 128
        if total > 1, room > 0, !isFresh, strikes(.shortSend) {
            marks.make(.shortSend)
            room = min(room, dice.chance(300) ? 1 : 1 + dice.below(total - 1))
            if room < total { roomLater(socket) }
        }
        if socket.room < total { noteFull(socket) }
        guard room > 0 else {
            socket.wantsRoom = true
            return -11
        }
        var taken = 0
        for part in parts where taken < room {
            let count = min(part.count, room - taken)
            socket.outgoing.append(UnsafeRawBufferPointer(rebasing: part.bytes[..<count]))
            taken += count
        }
        if taken < total { socket.wantsRoom = true }
        socket.bytesSent += taken
        note(UInt64(socket.number) << 32 | UInt64(taken))
        return taken
    }

    /// There is not enough room: the time of the client begins to run.
    private func noteFull(_ socket: SimulatedSocket) {
        guard sendTimeout > 0, socket.fullSince == .max else { return }
        socket.fullSince = clock
        events.add(.overdue(connection: socket.number), at: clock + sendTimeout)
    }

    /// The kernel gives up a client that has taken nothing for too long.
    func endOverdue(_ socket: SimulatedSocket) {
        guard socket.fullSince != .max, !socket.isDead, socket.references > 0 else { return }
        guard clock >= socket.fullSince + sendTimeout else {
            return events.add(.overdue(connection: socket.number), at: socket.fullSince + sendTimeout)
        }
        marks.make(.sendTimedOut)
        say("client \(socket.number) has taken nothing for too long")
        socket.isDead = true
        socket.error = 110
        if socket.end == .none { socket.end = .reset }
        becameReadable(socket)
        becameWritable(socket)
    }

    /// There is room, but nobody has said so: some time passes before the socket becomes writable.
    private func roomLater(_ socket: SimulatedSocket) {
        socket.wantsRoom = true
        guard !socket.isRetrying else { return }
        socket.isRetrying = true
        events.add(.retry(connection: socket.number), at: clock + UInt64(dice.within(10_000...5_000_000)))
    }

    /// How many bytes a receive brings of what there is.
    func portion(of available: Int) -> Int {
        guard available > 1, strikes(.shortReceive) else { return available }
        marks.make(.shortReceive)
        guard !dice.chance(300) else {
            marks.make(.oneByteReceive)
            return 1
        }
        return 1 + dice.below(available - 1)
    }

    func noteRead(_ socket: SimulatedSocket, _ count: Int) {
        socket.bytesRead += count
        if socket.incoming.count == 0 { socket.readableSince = .max }
    }

    // MARK: Ends

    /// The server's end of stream.
    func sendFinish(_ socket: SimulatedSocket) {
        guard !socket.hasSentFinish else { return }
        socket.hasSentFinish = true
        if socket.end == .none, !socket.isDead {
            socket.end = .finished
            marks.make(.finishedByServer)
        }
    }

    /// The connection is gone for its client; what it has not read may be lost with it.
    func sendReset(_ socket: SimulatedSocket, keepsUnread: Bool) {
        guard socket.end != .reset else { return }
        marks.make(.resetSent)
        say("client \(socket.number) is reset")
        socket.end = .reset
        socket.isDead = true
        guard socket.outgoing.count > 0, !keepsUnread else { return }
        socket.outgoing.removeAll()
    }

    /// The last descriptor of a socket is gone (close(2)).
    func release(_ socket: SimulatedSocket) {
        require(
            socket.receiver == nil && socket.sender == nil,
            "the socket of client \(socket.number) is closed while an operation of it is in flight")
        socket.receiver = nil
        socket.sender = nil
        socket.watch?.set.forget(socket.watch)
        socket.watch = nil
        if socket.isDead { return }
        if socket.endsWithReset || socket.incoming.count > 0 {
            sendReset(socket, keepsUnread: !socket.endsWithReset && dice.chance(500))
        } else {
            sendFinish(socket)
        }
        socket.incoming.removeAll()
    }

    /// Whether a connection without descriptors was accepted once: then it has been closed.
    func isForgotten(_ socket: SimulatedSocket) -> Bool { socket.wasAccepted }
}
