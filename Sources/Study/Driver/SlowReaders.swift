// SPDX-License-Identifier: Apache-2.0

internal import CStudy
internal import Glibc

/// Connections with a small buffer to read from that send whatever is taken and read four KiB every ten milliseconds.
///
/// Descriptors live until the process ends; one thread.
struct SlowReaders {
    /// Nanoseconds from one read of each to the next, and what it reads.
    private static let pause: UInt64 = 10_000_000
    private static let piece = 4_096
    /// The sockets' buffers: small to read, large to send, so that it is soon at the end of what is taken.
    private static let receiveBuffer: Int32 = 16 << 10
    private static let sendBuffer: Int32 = 256 << 10
    /// Bytes that a server and the kernel may hold of one of them: 8 MiB of backlog, and the sockets' buffers, of which
    /// the server's may grow to 32 MiB for receiving and 4 MiB for sending (tcp_rmem, tcp_wmem of Linux 6.18; 36 MiB in
    /// all have been seen).
    static let most = 48 << 20
    /// Milliseconds without room on any after which nothing more is taken.
    private static let quiet: Int32 = 100

    private struct Position {
        var sent = 0
        var received = 0
    }

    private let descriptors: [Int32]
    private let cycle = MessageCycle(size: 4_096, depth: 1, isMixed: false)
    private let room = UnsafeMutableRawPointer.allocate(byteCount: SlowReaders.piece, alignment: 64)
    private var positions: [Position]
    private var next: UInt64 = 0

    /// Connects, and sends until nothing more is taken.
    init(count: Int, port: UInt16) throws(LoadFault) {
        var descriptors: [Int32] = []
        for _ in 0..<count {
            let descriptor = cs_connect_with_buffers(port, Self.receiveBuffer, Self.sendBuffer)
            guard descriptor >= 0 else { throw LoadFault("connect: \(String(cString: strerror(-descriptor)))") }
            descriptors.append(descriptor)
        }
        self.descriptors = descriptors
        positions = Array(repeating: Position(), count: count)
        guard count > 0 else { return }
        repeat {
            for number in positions.indices { try send(number) }
        } while cs_any_has_room(descriptors, UInt32(count), Self.quiet) != 0
    }

    /// Bytes that each has sent and not received.
    var owed: [Int] { positions.map { $0.sent - $0.received } }

    /// Reads a little, when it is time.
    mutating func step() throws(LoadFault) {
        let now = Clock.now()
        guard now >= next else { return }
        next = now + Self.pause
        for number in positions.indices {
            try receive(number)
            try send(number)
        }
    }

    private mutating func receive(_ number: Int) throws(LoadFault) {
        let count = recv(descriptors[number], room, Self.piece, 0)
        guard count != 0 else { throw LoadFault("the server closed slow reader \(number)") }
        guard count > 0 else {
            if errno == EAGAIN || errno == EINTR { return }
            throw LoadSockets.fault("receive on slow reader \(number)")
        }
        let offset = positions[number].received % cycle.byteCount
        positions[number].received += count
        guard positions[number].received <= positions[number].sent, cycle.matches(room, count, from: offset) else {
            throw LoadFault("other bytes came back than were sent, on slow reader \(number)")
        }
    }

    private mutating func send(_ number: Int) throws(LoadFault) {
        while true {
            let offset = positions[number].sent % cycle.byteCount
            let taken = Glibc.send(descriptors[number], cycle.bytes + offset, cycle.byteCount, Int32(MSG_NOSIGNAL))
            guard taken >= 0 else {
                if errno == EAGAIN || errno == EINTR { return }
                throw LoadSockets.fault("send on slow reader \(number)")
            }
            positions[number].sent += taken
            guard positions[number].sent - positions[number].received <= Self.most else {
                throw LoadFault(
                    "more than \(Self.most >> 20) MiB were taken of slow reader \(number), which reads slowly")
            }
        }
    }
}
