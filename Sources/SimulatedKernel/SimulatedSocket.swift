// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Overlapped

/// Both ends of one connection: the server's socket as the kernel has it, and the client that a simulation plays.
///
/// What the client sends travels for some time and arrives in order; what the server sends lies here until the client
/// reads it, and there is room for `window` bytes.
public final class SimulatedSocket {
    /// What the client has sent and has not arrived.
    enum Segment {
        case bytes(Int)
        case finish
        case reset
    }

    /// How the server's side ends for the client.
    public enum End: Sendable {
        /// It has not.
        case none
        /// An end of stream, behind everything that was sent.
        case finished
        /// A reset; what had not been read may be lost.
        case reset
    }

    /// Which connection, counted from 0.
    public let number: Int
    /// The address that the server sees.
    let address: SocketAddress?
    /// Whether it is of this machine (unix(7)): such a socket cannot be reset by a disconnect or by lingering.
    let isLocal: Bool
    unowned let machine: SimulatedMachine

    // From the client.
    @exclusivity(unchecked) var transit = ByteQueue()
    @exclusivity(unchecked) var segments: [Segment] = []
    @exclusivity(unchecked) var lastArrival: UInt64 = 0
    @exclusivity(unchecked) var incoming = ByteQueue()
    @exclusivity(unchecked) var hasFinish = false
    /// An errno that the next operation is told, once.
    @exclusivity(unchecked) var error: Int32 = 0
    @exclusivity(unchecked) var isDead = false
    /// The client's end has arrived, and whoever polls in this very moment sees a part of it.
    @exclusivity(unchecked) var endIsHalfTold = false

    // From the server.
    @exclusivity(unchecked) var outgoing = ByteQueue()
    /// Bytes that the client takes in all before it reads.
    public var window: Int
    @exclusivity(unchecked) var hasSentFinish = false
    @exclusivity(unchecked) var isReceiveShut = false
    var endsWithReset = false
    /// A send found no room since there was some last.
    @exclusivity(unchecked) var wantsRoom = false
    var isRetrying = false
    /// Since when the client has taken nothing although something waits; .max: nothing waits.
    var fullSince: UInt64 = .max
    var end = End.none {
        didSet { if oldValue == .none { endedAt = machine.clock } }
    }
    /// When the server's side ended.
    public private(set) var endedAt: UInt64 = 0

    // What is in flight.
    @exclusivity(unchecked) var receiver: ArmedReceive?
    @exclusivity(unchecked) var sender: ArmedSend?
    @exclusivity(unchecked) var watch: Watch?
    /// Descriptors and places in rings' tables.
    @exclusivity(unchecked) var references = 0
    /// It has had a descriptor.
    var wasAccepted = false
    /// When there first was something to read that has not been read.
    @exclusivity(unchecked) var readableSince: UInt64 = .max
    /// Bytes that the server has read.
    @exclusivity(unchecked) public internal(set) var bytesRead = 0
    /// Bytes that the server has sent.
    @exclusivity(unchecked) public internal(set) var bytesSent = 0

    init(_ number: Int, _ machine: SimulatedMachine, window: Int, address: SocketAddress?, isLocal: Bool) {
        self.number = number
        self.machine = machine
        self.window = window
        self.address = address
        self.isLocal = isLocal
    }

    var isReadable: Bool { incoming.count > 0 || hasFinish || error != 0 || isDead || isReceiveShut }
    var room: Int { max(0, window - outgoing.count) }

    // MARK: The client's end

    /// Sends; the bytes arrive later, in order.
    public func clientSend(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        transit.append(bytes)
        travel(.bytes(bytes.count))
    }

    /// Ends the client's direction behind what it has sent.
    public func clientFinish() { travel(.finish) }

    /// Ends the connection at once. What has been sent arrives before.
    public func clientReset() { travel(.reset) }

    private func travel(_ segment: Segment) {
        segments.append(segment)
        lastArrival = max(lastArrival, machine.clock + machine.travelTime())
        machine.events.add(.arrival(connection: number), at: lastArrival)
    }

    /// Bytes that have arrived and that the server has not read.
    public var unreadByServer: Int { incoming.count }

    /// Bytes that the client could read now.
    public var clientReadable: Int { outgoing.count }

    /// How the server has ended, as the client can know when it has read everything.
    public var clientEnd: End { end == .finished && outgoing.count > 0 ? .none : end }

    /// Whether the server's socket is gone.
    public var isClosed: Bool { references == 0 && end != .none }

    /// Reads at most so many bytes.
    public func clientReceive(_ limit: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        let count = min(limit, outgoing.count)
        guard count > 0 else { return }
        withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { buffer in
            outgoing.take(into: buffer)
            body(UnsafeRawBufferPointer(buffer))
        }
        if fullSince != .max { fullSince = outgoing.count == 0 ? .max : machine.clock }
        if wantsRoom, room > 0 { machine.becameWritable(self) }
    }

    // MARK: Arrivals

    func arrive() {
        guard !segments.isEmpty else { return }
        let segment = segments.removeFirst()
        if references == 0, machine.isForgotten(self) {
            // Nobody is there any more: the kernel answers with a reset.
            if case .bytes(let count) = segment { transit.drop(count) }
            if end != .reset { machine.sendReset(self, keepsUnread: true) }
            return
        }
        switch segment {
        case .bytes(let count):
            guard !isDead else { return transit.drop(count) }
            incoming.append(count, from: &transit)
        case .finish:
            guard !isDead else { return }
            hasFinish = true
            endIsHalfTold = true
            machine.marks.make(.finishedByClient)
        case .reset:
            isDead = true
            endIsHalfTold = true
            // Behind an end of stream a reset breaks what we still send, and nothing else.
            error = hasFinish ? 32 : 104
            machine.marks.make(.resetReceived)
            if incoming.count > 0 { machine.marks.make(.resetWithUnread) }
        }
        machine.becameReadable(self)
        if case .reset = segment { machine.becameWritable(self) }
    }
}

/// A receive that a ring has taken and not ended.
struct ArmedReceive {
    unowned let ring: SimulatedRing
    let userData: UInt64
    let isMultishot: Bool
    /// Where a multishot receive ends; 0: nowhere.
    let limit: Int
    var total = 0
    var isQueued = false
}

/// A send that a ring has taken and not ended: it waits for room.
struct ArmedSend {
    unowned let ring: SimulatedRing
    let userData: UInt64
    let bytes: UnsafeRawBufferPointer
    /// Of the bytes as they were when the send was taken: they must be the same at its end.
    let digest: UInt64
    var taken = 0
    var isQueued = false
    var isCancelled = false
}

/// A connection's or a listener's place in an event set.
struct Watch {
    unowned let set: SimulatedEventSet
    let place: Int
}

/// A socket that listens.
final class SimulatedListener {
    var waiting: [SimulatedSocket] = []
    /// The multishot accept of a ring.
    var armed: (ring: SimulatedRing, userData: UInt64)?
    var isQueued = false
    var watch: Watch?
}

/// An eventfd.
final class SimulatedEvent {
    var count: UInt64 = 0
    /// A ring's read of it.
    var reader: (ring: SimulatedRing, userData: UInt64, memory: UnsafeMutableRawPointer?)?
    var watch: Watch?
}
