// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Load

/// Broadcast: some members of each group have one packet under way, and send the next when everybody has this one.
///
/// Packets name their sender and count up; each member expects the next of every sender. A message is a delivery.
struct BroadcastTraffic: Traffic {
    var tally = Tally()
    var isStopping = false
    var isSilent: Bool { underWay == 0 }

    /// `u16 size, u16 type, u32 sender, u32 sequence`, little-endian; the sender's own bytes follow.
    private static let headerSize = 12
    private static let type: UInt16 = 16

    private let sockets: LoadSockets
    private let size: Int
    private let group: Int
    /// Of each group, the members that send: the first so many.
    private let sendersOfGroup: Int
    /// The packet of each sender as it was sent last, by connection.
    private let packets: UnsafeMutableRawPointer
    /// Bytes of a packet that is not whole, by connection.
    private let carries: UnsafeMutableRawPointer
    private var carried: [Int]
    private var sequence: [UInt32]
    private var started: [UInt64]
    private var missing: [Int]
    /// For each member, the next sequence of each sender of its group.
    private var expected: [UInt32]
    private var underWay = 0

    init(_ workload: Workload, port: UInt16) throws(LoadFault) {
        sockets = try LoadSockets(port: port, count: workload.connections)
        (size, group) = (max(workload.size, Self.headerSize), workload.group)
        let count = workload.connections
        sendersOfGroup = max(1, min(group, workload.active * group / count))
        packets = .allocate(byteCount: count * size, alignment: 64)
        carries = .allocate(byteCount: count * size, alignment: 64)
        var random = SplitMix64(seed: 20_240_229)
        for place in 0..<count * size {
            packets.storeBytes(of: UInt8(truncatingIfNeeded: random.next()), toByteOffset: place, as: UInt8.self)
        }
        carried = Array(repeating: 0, count: count)
        sequence = Array(repeating: 0, count: count)
        started = Array(repeating: 0, count: count)
        missing = carried
        expected = Array(repeating: 0, count: count * sendersOfGroup)
    }

    mutating func start() throws(LoadFault) {
        for number in sequence.indices where number % group < sendersOfGroup { try send(from: number) }
    }

    mutating func turn(waiting milliseconds: Int32) throws(LoadFault) {
        let sockets = sockets
        try sockets.ready(waiting: milliseconds) { number, _ throws(LoadFault) in try receive(on: number) }
    }

    private mutating func send(from number: Int) throws(LoadFault) {
        let packet = packets + number * size
        packet.storeBytes(of: UInt16(size).littleEndian, as: UInt16.self)
        packet.storeBytes(of: Self.type.littleEndian, toByteOffset: 2, as: UInt16.self)
        packet.storeBytes(of: UInt32(number).littleEndian, toByteOffset: 4, as: UInt32.self)
        packet.storeBytes(of: sequence[number].littleEndian, toByteOffset: 8, as: UInt32.self)
        started[number] = Clock.now()
        missing[number] = group
        underWay += 1
        // One small packet under way always finds room.
        guard try sockets.send(number, packet, size) == size else {
            throw LoadFault("no room to send on connection \(number)")
        }
    }

    private mutating func receive(on number: Int) throws(LoadFault) {
        let count = try sockets.receive(number)
        var place = 0
        while place < count {
            let piece = min(size - carried[number], count - place)
            let carry = carries + number * size
            if piece == size {
                try take(sockets.buffer + place, on: number)
            } else {
                memcpy(carry + carried[number], sockets.buffer + place, piece)
                carried[number] += piece
                if carried[number] == size {
                    carried[number] = 0
                    try take(carry, on: number)
                }
            }
            place += piece
        }
    }

    private mutating func take(_ packet: UnsafeRawPointer, on number: Int) throws(LoadFault) {
        let sender = Int(UInt32(littleEndian: packet.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        let isOurs = sender < sequence.count && sender / group == number / group && sender % group < sendersOfGroup
        // The packet is compared as it was sent: it is not written anew before its last delivery.
        guard isOurs, memcmp(packet, packets + sender * size, size) == 0 else {
            throw LoadFault("other bytes came than were sent, on connection \(number)")
        }
        let place = number * sendersOfGroup + sender % group
        guard expected[place] == sequence[sender] else {
            throw LoadFault("packet \(sequence[sender]) of connection \(sender) came twice, on connection \(number)")
        }
        expected[place] &+= 1
        tally.answer(after: Clock.now() - started[sender])
        missing[sender] -= 1
        guard missing[sender] == 0 else { return }
        sequence[sender] &+= 1
        underWay -= 1
        if !isStopping { try send(from: sender) }
    }
}
