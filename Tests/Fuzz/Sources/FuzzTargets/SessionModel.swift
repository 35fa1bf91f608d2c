// SPDX-License-Identifier: Apache-2.0

internal import Gori
@_spi(Measuring) internal import Overlapped
internal import Wire

/// What the handlers of all workers see and do, checked against the oracle of each stream at once.
///
/// One thread steps all workers, so nothing here is ever used by two.
final class SessionModel: @unchecked Sendable {
    let mode: SessionMode
    let network: ScriptedNetwork
    let packets: PacketOracle
    /// Slow parts that wait for the script.
    var gates: [CheckedContinuation<Void, Never>] = []
    var hasStopped = false
    private var published: UInt8 = 0
    private var posted = 0

    struct SlowFailure: Error {}

    init(_ mode: SessionMode, _ network: ScriptedNetwork) {
        self.mode = mode
        self.network = network
        packets = PacketOracle(mode.framing)
    }

    // MARK: What is seen

    func opened(_ session: borrowing Session) {
        guard let stream = network.find(session: session.id.rawValue) else {
            return promise(false, "a session has a socket")
        }
        stream.openCount += 1
        promise(stream.openCount == 1 && stream.endCount == 0, "a session opens once")
        if mode.hasLayer {
            _ = stream.oracle.peek(network.now)
            promise(stream.oracle.state != .greeting, "nothing opens before its hello")
        }
    }

    /// A handler has been called with this packet.
    func saw(_ type: UInt16, _ body: [UInt8], _ id: SessionID) -> ScriptedConnection? {
        guard let stream = network.find(session: id.rawValue) else {
            promise(false, "a packet has a socket")
            return nil
        }
        promise(stream.openCount == 1 && stream.endCount == 0, "packets come between open and close")
        let expected = stream.oracle.takeFirst(network.now)
        promise(expected == StreamOracle.Delivery(type: type, body: body), "packet \(type) is the next of its stream")
        return stream
    }

    func saw(bytes: [UInt8], _ id: SessionID) {
        guard let stream = network.find(session: id.rawValue) else { return promise(false, "bytes have a socket") }
        promise(stream.openCount == 1 && stream.endCount == 0, "bytes come between open and close")
        promise(stream.oracle.takeBytes(bytes.count) == bytes, "the bytes of the stream in their order")
        stream.replies.append(bytes)
    }

    func ended(_ id: SessionID, _ reason: EndReason) {
        guard let stream = network.find(session: id.rawValue) else { return promise(false, "an end has a socket") }
        stream.endCount += 1
        stream.endReason = reason
        promise(stream.openCount == 1 && stream.endCount == 1, "a session that was opened ends once")
        guard !mode.takesBytes else { return }
        let missed = stream.oracle.peek(network.now)
        switch reason {
        case .violations, .helloExpected, .updateNeeded:
            promise(missed == nil && stream.oracle.state == .ended(reason), "\(reason) is what the stream says")
        case .malformed:
            let isLate = stream.oracle.partial > 0
            promise(stream.oracle.state == .ended(.malformed) || isLate, "malformed, or a packet that took too long")
        case .shuttingDown:
            // A packet asks for an end with any reason, this one too.
            let isAsked = stream.oracle.state == .ended(.shuttingDown)
            promise(hasStopped || isAsked, "the server was told to stop")
        case .disconnected:
            let isAsked = stream.oracle.state == .ended(.disconnected)
            promise(stream.hasFinished || stream.hasReset || isAsked, "the peer has gone")
        default: break
        }
    }

    // MARK: What is done

    /// Sends a packet and remembers it.
    func reply<P: GamePacket>(_ packet: P, _ session: borrowing Session, _ stream: ScriptedConnection) {
        session.send(packet)
        stream.replies.append(packets.packet(Int(P.type.rawValue), packet.body))
    }

    func burst(_ body: [UInt8], _ session: borrowing Session, _ stream: ScriptedConnection) {
        let room = min(512, mode.framing.maximumPacketSize - mode.framing.headerSize)
        for number in 0..<body[0] & 63 {
            let packet = Echo(body: Array(repeating: number, count: min(room, Int(body[1]) * 4)))
            reply(packet, session, stream)
        }
    }

    /// What a session may do besides answering; what others get of it is of type 30, which has no order.
    func talk(_ kind: UInt8, _ session: borrowing Session) {
        let group = Group(7)
        published &+= 1
        let told = Told(body: [published, kind])
        switch kind & 7 {
        case 0: session.join(group)
        case 1: session.leave(group)
        case 2: session.publish(told, to: group)
        case 3: session.publish(raw: packets.packet(30, told.body).span.bytes, to: group)
        case 4: session.send(Echo(body: Array(repeating: 0, count: 513)))
        case 5:
            guard let other = network.connections[Int(kind >> 3) % network.connections.count].session else { return }
            session.send(told, to: SessionID(rawValue: other))
        case 6:
            if kind > 127, let other = network.connections[Int(kind >> 3) % network.connections.count].session {
                return session.worker.end(SessionID(rawValue: other), .leaving)
            }
            session.tag = UInt64(kind)
            promise(session.tag == UInt64(kind) && session.address == nil, "its own number, and no address of ours")
        default: post(to: (session.worker.index + 1) % mode.workers, session.worker)
        }
    }

    /// A batch for another worker. Nobody looks into it, so it need not be anything.
    private func post(to target: Int, _ worker: borrowing WorkerContext) {
        guard target != worker.index, let batch = UnsafeMutableRawPointer(bitPattern: 4_096) else { return }
        worker.post(tag: 16, batch, to: target)
        posted += 1
    }

    func got(tag: UInt32, _ batch: UnsafeMutableRawPointer, from worker: Int) {
        posted -= 1
        promise(tag == 16 && UInt(bitPattern: batch) == 4_096 && worker < mode.workers, "the batch that was posted")
        promise(posted >= 0, "a batch comes once")
    }

    func waitAtGate() async { await withCheckedContinuation { gates.append($0) } }

    func openGates() {
        let waiting = gates
        gates.removeAll()
        for gate in waiting { gate.resume() }
    }
}
