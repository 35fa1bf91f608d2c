// SPDX-License-Identifier: Apache-2.0

public import Wire

/// The answer to `Login`: a refusal, or the characters of the account.
public struct LoginResult: Packet, Hashable {
    /// One character that the account may enter the world with.
    public struct Character: Hashable, Sendable {
        /// What `SelectCharacter` says to take this one.
        public var id: UInt64
        /// Its name in the world.
        public var name: Name

        /// Makes an entry.
        public init(id: UInt64, name: Name) {
            self.id = id
            self.name = name
        }
    }

    /// Packet type 128.
    public static let type: PacketType = 128
    /// From no text and no character to the longest text and eight longest names.
    public static let bodySize = 7...(5 + 121 + 1 + maximumCharacters * 29)
    /// The most characters of an account.
    public static let maximumCharacters = 8

    /// Of the login.
    public var request: UInt32
    /// 0 is ok.
    public var code: UInt8
    /// Why it was refused, in words.
    public var text: Reason
    /// At most eight.
    public var characters: [Character]

    /// Makes an answer.
    public init(request: UInt32, code: UInt8 = 0, text: Reason = "", characters: [Character] = []) {
        self.request = request
        self.code = code
        self.text = text
        self.characters = characters
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        request = try reader.read()
        code = try reader.read()
        text = try reader.readText()
        let count = try reader.readCount(maximum: Self.maximumCharacters)
        characters = []
        characters.reserveCapacity(count)
        for _ in 0..<count {
            characters.append(Character(id: try reader.read(), name: try reader.readText()))
        }
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(request)
        writer.write(code)
        writer.write(text)
        writer.writeCount(characters.count, maximum: Self.maximumCharacters)
        for character in characters.prefix(Self.maximumCharacters) {
            writer.write(character.id)
            writer.write(character.name)
        }
    }
}
