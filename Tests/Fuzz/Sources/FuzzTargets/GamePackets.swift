// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// The packets of the game that is played while fuzzing: bytes as they are, of which the first must not be 255.
protocol GamePacket: Packet {
    var body: [UInt8] { get set }
    init(body: [UInt8])
}

extension GamePacket {
    init(from reader: inout PacketReader) throws(DecodeError) {
        let bytes = try reader.readBytes(count: reader.remaining)
        let body = bytes.withUnsafeBytes { Array($0) }
        guard body.first != 0xFF else { throw .invalidValue }
        self.init(body: body)
    }

    func encode(to writer: inout PacketWriter) { for byte in body { writer.write(byte) } }
}

/// Comes back as it is.
struct Echo: GamePacket {
    static let type: PacketType = 16
    static let bodySize = 0...512
    var body: [UInt8]
}

/// Legal before the world is entered.
struct LobbyWord: GamePacket {
    static let type: PacketType = 17
    static let bodySize = 0...8
    var body: [UInt8]
}

/// Goes to another stage.
struct EnterStage: GamePacket {
    static let type: PacketType = 18
    static let bodySize = 1...1
    var body: [UInt8]
}

/// Legal in the world.
struct WorldWord: GamePacket {
    static let type: PacketType = 19
    static let bodySize = 0...8
    var body: [UInt8]
}

/// Asks for so many packets of so many times four bytes.
struct Burst: GamePacket {
    static let type: PacketType = 20
    static let bodySize = 2...2
    var body: [UInt8]
}

/// Asks to be ended for a reason.
struct EndMe: GamePacket {
    static let type: PacketType = 21
    static let bodySize = 1...1
    var body: [UInt8]
}

/// Asks for a packet after so many times 16 ms.
struct RingMe: GamePacket {
    static let type: PacketType = 22
    static let bodySize = 2...2
    var body: [UInt8]
}

/// Has a slow part: 0 returns at once, 1 throws, others wait for the script.
struct Slow: GamePacket {
    static let type: PacketType = 23
    static let bodySize = 1...1
    var body: [UInt8]
}

/// Joins a group, leaves it, publishes to it, or does something else that others see.
struct Talk: GamePacket {
    static let type: PacketType = 24
    static let bodySize = 1...1
    var body: [UInt8]
}

/// Only from the server: what was published to a group, or sent by another session.
struct Told: GamePacket {
    static let type: PacketType = 30
    static let bodySize = 0...512
    var body: [UInt8]
}
