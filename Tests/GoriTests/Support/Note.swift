// SPDX-License-Identifier: Apache-2.0

import Wire

/// A packet of the tests: a number, and bytes that all have its last digit.
protocol NotePacket: Packet, Equatable {
    var number: UInt32 { get set }
    var size: UInt16 { get set }
    init(_ number: UInt32, size: UInt16)
}

extension NotePacket {
    static var bodySize: ClosedRange<Int> { 6...12_006 }

    init(from reader: inout PacketReader) throws(DecodeError) {
        self.init(try reader.read(), size: try reader.read())
        let filler = try reader.readBytes(count: Int(size))
        let digit = UInt8(truncatingIfNeeded: number)
        let isWhole = filler.withUnsafeBytes { $0.allSatisfy { $0 == digit } }
        guard isWhole else { throw .invalidValue }
    }

    func encode(to writer: inout PacketWriter) {
        writer.write(number)
        writer.write(size)
        let filler = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Int(size))
        writer.writeBytes(filler.span.bytes)
    }
}

/// From the client.
struct Say: NotePacket {
    static let type: PacketType = 20
    var number: UInt32
    var size: UInt16
    init(_ number: UInt32, size: UInt16 = 0) {
        self.number = number
        self.size = size
    }
}

/// From the server.
struct Heard: NotePacket {
    static let type: PacketType = 120
    var number: UInt32
    var size: UInt16
    init(_ number: UInt32, size: UInt16 = 0) {
        self.number = number
        self.size = size
    }
}

/// From the client: something to be done slowly.
struct Slow: NotePacket {
    static let type: PacketType = 21
    var number: UInt32
    var size: UInt16
    init(_ number: UInt32, size: UInt16 = 0) {
        self.number = number
        self.size = size
    }
}

/// From the client: end my session.
struct Leave: NotePacket {
    static let type: PacketType = 22
    var number: UInt32
    var size: UInt16
    init(_ number: UInt32, size: UInt16 = 0) {
        self.number = number
        self.size = size
    }
}

/// From the client: tell this session.
struct Whisper: Packet {
    static let type: PacketType = 23
    static let bodySize = 12...12
    var session: UInt64
    var number: UInt32
    init(_ session: UInt64, _ number: UInt32) {
        self.session = session
        self.number = number
    }
    init(from reader: inout PacketReader) throws(DecodeError) {
        session = try reader.read()
        number = try reader.read()
    }
    func encode(to writer: inout PacketWriter) {
        writer.write(session)
        writer.write(number)
    }
}
