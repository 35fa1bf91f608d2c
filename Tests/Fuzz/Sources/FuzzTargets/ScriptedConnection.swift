// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Overlapped
internal import Wire

/// Both ends of one connection: what the client does by script, and what the kernel would know of the socket.
final class ScriptedConnection {
    /// The socket's life, as a port promises it.
    enum Phase {
        case waiting
        case accepted
        case associated
        case finishing
        case closing
        case closed
    }

    let descriptor: Int32

    // The client's end.
    var sent: [UInt8] = []
    var hasFinished = false
    var hasReset = false
    var received: [UInt8] = []
    var sawEnd = false
    /// Bytes that the kernel still takes for this client; nil: any number.
    var window: Int?

    // The socket.
    var phase = Phase.waiting
    var key = CompletionKey(slot: 0, generation: 0)
    var isReceiving = false
    var taken = 0
    var toldFinished = false
    var toldEnded = false
    var queued: [IOVector] = []
    /// What the parts of the queued send held when it was queued.
    var queuedBytes: [UInt8] = []
    var unsent: [IOVector] = []
    var tracked: UnsafeRawBufferPointer?
    var trackedBytes: [UInt8] = []
    var trackedTaken = 0
    var discarded = 0
    var turnsToClose = 0
    /// The worker has ended it in order, when everything it had to send was sent.
    var isFinished = false

    /// What an independent reading says of this stream.
    var oracle: StreamOracle
    /// The id of the session as its handlers see it; nil before the socket is associated.
    var session: UInt64?
    var openCount = 0
    var endCount = 0
    /// Why it ended, for sessions that were opened.
    var endReason: EndReason?
    /// Packets of the game that handlers have sent to it, in order.
    var replies: [[UInt8]] = []

    init(descriptor: Int32, oracle: StreamOracle) {
        self.descriptor = descriptor
        self.oracle = oracle
    }

    /// What the client has sent and the server not read.
    var unread: Int { sent.count - taken }

    /// Takes as much of `bytes` as there is room for.
    func deliver(_ bytes: [UInt8]) -> Int {
        let count = min(bytes.count, window ?? bytes.count)
        received += bytes[..<count]
        if let window { self.window = window - count }
        return count
    }
}

/// The sockets of all ports, by descriptor: numbers that are no descriptors of the process.
final class ScriptedNetwork {
    static let firstDescriptor: Int32 = 7 << 28
    var connections: [ScriptedConnection] = []
    /// Virtual nanoseconds.
    var now: UInt64 = 1_000_000_000_000

    func find(_ descriptor: Int32) -> ScriptedConnection? {
        let index = Int(descriptor) - Int(Self.firstDescriptor)
        return connections.indices.contains(index) ? connections[index] : nil
    }

    func find(session: UInt64) -> ScriptedConnection? { connections.last { $0.session == session } }

    func connect(_ oracle: StreamOracle) -> ScriptedConnection {
        let connection = ScriptedConnection(
            descriptor: Self.firstDescriptor + Int32(truncatingIfNeeded: connections.count), oracle: oracle)
        connections.append(connection)
        return connection
    }
}
