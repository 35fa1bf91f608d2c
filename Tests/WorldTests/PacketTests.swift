// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire
import World

@Suite struct PacketTests {
    private func encode<P: Packet>(_ packet: P) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: 4 + P.bodySize.upperBound)
        let size = bytes.withUnsafeMutableBytes { Framing().encode(packet, into: $0) }
        return Array(bytes.prefix(try #require(size)))
    }

    /// Comes back as it was, has the size it says, and is refused when cut or lengthened anywhere.
    private func check<P: Packet & Equatable>(_ packet: P) throws {
        let bytes = try encode(packet)
        let header = bytes.withUnsafeBytes { Framing().header($0) }
        #expect(header == .packet(size: bytes.count, type: P.type))
        let body = Array(bytes.dropFirst(4))
        #expect(P.bodySize.contains(body.count))
        #expect(try P.decode(body.span.bytes) == packet)
        for count in 0..<body.count {
            let cut = Array(body.prefix(count))
            #expect(throws: DecodeError.self, "\(P.self) cut to \(count)") { try P.decode(cut.span.bytes) }
        }
        let longer = body + [0]
        #expect(throws: DecodeError.self, "\(P.self) with a byte too many") { try P.decode(longer.span.bytes) }
    }

    private var longName: Name { Name(String(repeating: "n", count: 20)) ?? "" }
    private var longText: ChatText { ChatText(String(repeating: "é", count: 150)) ?? "" }
    private var longReason: Reason { Reason(String(repeating: "r", count: 120)) ?? "" }

    @Test("every packet comes back as it was, and is refused when truncated or with bytes left over")
    func roundTrips() throws {
        for name in [longName, "", "Gori", "日本"] {
            try check(Login(request: 7, name: name))
            try check(AddObject(object: 0x0102_0304, kind: .player, x: 5, y: 65_535, name: name))
            try check(AddObject(object: .max, kind: .monster, x: 0, y: 0, name: name))
        }
        for text in [longText, "", "hello"] {
            try check(Chat(request: 1, scope: 0, text: text))
            try check(ChatMessage(object: 9, scope: 255, text: text))
        }
        let characters = (0..<8).map { LoginResult.Character(id: UInt64($0), name: longName) }
        for count in [0, 1, 8] {
            try check(
                LoginResult(request: 1, code: 2, text: longReason, characters: Array(characters.prefix(count))))
        }
        try check(LoginResult(request: 1))
        try check(SelectCharacter(request: .max, character: .max))
        try check(Move(sequence: 1, clientTime: 2, x: 3, y: 4))
        try check(MoveResult(sequence: 1, clientTime: .max, code: .tooSoon, x: 3, y: 4))
        try check(MoveObject(object: 1, x: 2, y: 3))
        try check(RemoveObject(object: 1))
        try check(Logout(request: 1))
        for code in [ResultCode.ok, .notInWorld, .unknownScope, .emptyText, .textTooLong] {
            try check(RequestResult(request: 4, code: code))
        }
        try check(RequestResult(request: 4, code: 255, text: longReason))
        try check(
            EnterWorld(request: 1, code: .ok, object: 2, x: 3, y: 4, configuration: WorldConfiguration()))
    }

    @Test("a packet lies on the wire as the contract says")
    func layout() throws {
        let move = Move(sequence: 0x0403_0201, clientTime: 0x0C0B_0A09_0807_0605, x: 0x0E0D, y: 0x100F)
        #expect(try encode(move) == [20, 0, 20, 0] + Array(1...16))
        let add = AddObject(object: 1, kind: .monster, x: 2, y: 3, name: "ab")
        #expect(try encode(add) == [16, 0, 130, 0, 1, 0, 0, 0, 1, 2, 0, 3, 0, 2, 0x61, 0x62])
        let chat = Chat(request: 1, scope: 2, text: "x")
        #expect(try encode(chat) == [12, 0, 23, 0, 1, 0, 0, 0, 2, 1, 0, 0x78])
        let enter = EnterWorld(
            request: 1, code: .ok, object: 2, x: 3, y: 4, configuration: WorldConfiguration())
        #expect(
            try encode(enter)
                == [24, 0, 129, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 4, 0, 0xD0, 7, 0xD0, 7, 15, 50, 0])
    }

    @Test(
        "text that is not UTF-8, holds U+0000 or is too long is refused",
        arguments: [
            ([1, 0, 0, 0, 2, 0xC0, 0x80], DecodeError.invalidText), ([1, 0, 0, 0, 1, 0], .invalidText),
            ([1, 0, 0, 0, 3, 0xED, 0xA0, 0x80], .invalidText),
            ([1, 0, 0, 0, 21] + Array(repeating: 97, count: 20), .tooLong),
            ([1, 0, 0, 0, 5, 97], .truncated),
        ] as [([UInt8], DecodeError)])
    func badText(body: [UInt8], error: DecodeError) {
        #expect(throws: error) { try Login.decode(body.span.bytes) }
    }

    @Test("a chat above 300 bytes, a kind of object that is unknown, and a ninth character are refused")
    func badValues() {
        let chat: [UInt8] = [1, 0, 0, 0, 0, 0x2D, 1] + Array(repeating: 97, count: 300)
        #expect(throws: DecodeError.tooLong) { try Chat.decode(chat.span.bytes) }
        let object: [UInt8] = [1, 0, 0, 0, 2, 0, 0, 0, 0, 0]
        #expect(throws: DecodeError.invalidValue) { try AddObject.decode(object.span.bytes) }
        let login: [UInt8] = [1, 0, 0, 0, 0, 0, 9]
        #expect(throws: DecodeError.tooLong) { try LoginResult.decode(login.span.bytes) }
    }

    @Test("random bytes decode to a packet or to an error, never to a trap")
    func garbage() {
        var dice = Dice(seed: 5)
        for _ in 0..<20_000 {
            let body = (0..<dice.below(40)).map { _ in dice.chance(50) ? UInt8(dice.below(4)) : UInt8(dice.below(256)) }
            let bytes = body.span.bytes
            _ = try? Login.decode(bytes)
            _ = try? LoginResult.decode(bytes)
            _ = try? SelectCharacter.decode(bytes)
            _ = try? EnterWorld.decode(bytes)
            _ = try? Move.decode(bytes)
            _ = try? Chat.decode(bytes)
            _ = try? AddObject.decode(bytes)
            _ = try? ChatMessage.decode(bytes)
            _ = try? RequestResult.decode(bytes)
        }
    }

    @Test("a text is equal to itself by its bytes, and fits or is nothing")
    func texts() {
        let name: Name = "Gori"
        #expect(name == Name(String("Gori")) && name != "gori" && name != "Gor")
        #expect(name.count == 4 && name.string == "Gori" && !name.isEmpty)
        #expect(Name(String(repeating: "x", count: 21)) == nil)
        #expect(Name(["a", "b"].joined(separator: "\u{0}")) == nil)
        #expect(name.hashValue == Name("Gori").hashValue)
        #expect(Name().isEmpty)
    }
}
