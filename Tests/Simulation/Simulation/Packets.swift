// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// Bytes that follow from a sender and a number, so that whoever gets them knows what they must be.
enum Pattern {
    @inline(__always)
    static func word(_ sender: UInt32, _ number: UInt32, _ index: Int) -> UInt64 {
        var value = (UInt64(sender) << 32 | UInt64(number)) &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15
        value = (value ^ value >> 31) &* 0xBF58_476D_1CE4_E5B9
        return value ^ value >> 29
    }

    /// Reads what is left of a body. Returns how much that was, nil when a byte is wrong.
    static func check(
        _ reader: inout PacketReader, _ sender: UInt32, _ number: UInt32
    ) throws(DecodeError) -> Int? {
        let count = reader.remaining
        var isIntact = true
        for index in 0..<count / 8 {
            isIntact = try reader.read(UInt64.self) == word(sender, number, index) && isIntact
        }
        for index in 0..<count % 8 {
            let byte = UInt8(truncatingIfNeeded: word(sender, number, count / 8) >> UInt64(index * 8))
            isIntact = try reader.read(UInt8.self) == byte && isIntact
        }
        return isIntact ? count : nil
    }

    static func write(_ writer: inout PacketWriter, _ sender: UInt32, _ number: UInt32, count: Int) {
        for index in 0..<count / 8 { writer.write(word(sender, number, index)) }
        for index in 0..<count % 8 {
            writer.write(UInt8(truncatingIfNeeded: word(sender, number, count / 8) >> UInt64(index * 8)))
        }
    }

    /// The same for bytes that a client has.
    static func matches(_ bytes: ArraySlice<UInt8>, _ sender: UInt32, _ number: UInt32) -> Bool {
        bytes.withUnsafeBytes { raw in
            for index in 0..<raw.count / 8
            where raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) != word(sender, number, index) {
                return false
            }
            let rest = raw.count / 8 * 8
            for index in rest..<raw.count
            where raw[index]
                != UInt8(truncatingIfNeeded: word(sender, number, raw.count / 8) >> UInt64((index - rest) * 8))
            {
                return false
            }
            return true
        }
    }
}

/// What a client asks of the server.
enum CallKind: UInt8, CaseIterable {
    case echo, burst, join, leave, publish, publishRaw, endMe, setTimer, sendTo, post, longWord
}

/// A request: numbered by its client, with a payload that follows from both.
struct Call: Packet {
    static let type: PacketType = 16
    static let bodySize = 10...600
    var client: UInt32
    var number: UInt32
    var kind: CallKind
    var argument: UInt8
    /// Bytes of the payload; nil when they were not those that were sent.
    var payload: Int?

    init(client: UInt32, number: UInt32, kind: CallKind, argument: UInt8, payload: Int) {
        (self.client, self.number, self.kind, self.argument, self.payload) = (client, number, kind, argument, payload)
    }

    init(from reader: inout PacketReader) throws(DecodeError) {
        client = try reader.read()
        number = try reader.read()
        guard let kind = CallKind(rawValue: try reader.read()) else { throw .invalidValue }
        self.kind = kind
        argument = try reader.read()
        payload = try Pattern.check(&reader, client, number)
    }

    func encode(to writer: inout PacketWriter) {
        writer.write(client)
        writer.write(number)
        writer.write(kind.rawValue)
        writer.write(argument)
        Pattern.write(&writer, client, number, count: payload ?? 0)
    }
}

/// A request that takes its time.
struct SlowCall: Packet {
    static let type: PacketType = 17
    static let bodySize = Call.bodySize
    var call: Call
    init(_ call: Call) { self.call = call }
    init(from reader: inout PacketReader) throws(DecodeError) { call = try Call(from: &reader) }
    func encode(to writer: inout PacketWriter) { call.encode(to: &writer) }
}

/// What only its session gets: numbered by the session, so that nothing of it can be lost, doubled or out of order.
struct Answer: Packet {
    static let type: PacketType = 32
    static let bodySize = 9...8_192
    /// Why.
    enum Cause: UInt8 { case call, burst, timer, busy, left }
    var number: UInt32
    var client: UInt32
    var cause: Cause
    var payload: Int

    init(number: UInt32, client: UInt32, cause: Cause, payload: Int) {
        (self.number, self.client, self.cause, self.payload) = (number, client, cause, payload)
    }

    init(from reader: inout PacketReader) throws(DecodeError) { throw .invalidValue }

    func encode(to writer: inout PacketWriter) {
        writer.write(number)
        writer.write(client)
        writer.write(cause.rawValue)
        Pattern.write(&writer, client, number, count: payload)
    }
}

/// What a group gets: numbered by its publisher.
struct Told: Packet {
    static let type: PacketType = 33
    static let bodySize = 9...1_200
    var group: UInt8
    var publisher: UInt32
    var number: UInt32
    var payload: Int

    init(group: UInt8, publisher: UInt32, number: UInt32, payload: Int) {
        (self.group, self.publisher, self.number, self.payload) = (group, publisher, number, payload)
    }

    init(from reader: inout PacketReader) throws(DecodeError) { throw .invalidValue }

    func encode(to writer: inout PacketWriter) {
        writer.write(group)
        writer.write(publisher)
        writer.write(number)
        Pattern.write(&writer, publisher, number, count: payload)
    }
}

/// What one session sends to another: numbered for each pair.
struct Direct: Packet {
    static let type: PacketType = 34
    static let bodySize = 12...12
    var from: UInt32
    var to: UInt32
    var number: UInt32

    init(from: UInt32, to: UInt32, number: UInt32) { (self.from, self.to, self.number) = (from, to, number) }

    init(from reader: inout PacketReader) throws(DecodeError) { throw .invalidValue }

    func encode(to writer: inout PacketWriter) {
        writer.write(from)
        writer.write(to)
        writer.write(number)
    }
}
