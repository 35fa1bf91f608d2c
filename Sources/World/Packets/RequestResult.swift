// SPDX-License-Identifier: Apache-2.0

public import Wire

/// The outcome of a request, as `RequestResult.code` says it.
public enum ResultCode: UInt8, Hashable, Sendable, BitwiseCopyable {
    /// Done.
    case ok = 0
    /// The session has no player in the world.
    case notInWorld = 1
    /// No such scope of chat.
    case unknownScope = 2
    /// Nothing was said.
    case emptyText = 3
    /// More than 300 bytes were said.
    case textTooLong = 4

    /// The reason in words; empty when it is ok.
    public var text: Reason {
        switch self {
        case .ok: ""
        case .notInWorld: "you are not in the world"
        case .unknownScope: "there is no such scope"
        case .emptyText: "an empty text is not said"
        case .textTooLong: "a text has at most 300 bytes"
        }
    }
}

/// The packet `result`: the answer to every request that has none of its own.
public struct RequestResult: Packet, Hashable {
    /// Packet type 134.
    public static let type: PacketType = 134
    /// Fixed fields and an empty to a 120-byte text.
    public static let bodySize = 6...126

    /// Of the request.
    public var request: UInt32
    /// A `ResultCode`; 0 is ok.
    public var code: UInt8
    /// The reason in words.
    public var text: Reason

    /// Makes an answer.
    public init(request: UInt32, code: UInt8, text: Reason) {
        self.request = request
        self.code = code
        self.text = text
    }

    /// Makes an answer in the words of its code.
    public init(request: UInt32, code: ResultCode) {
        self.init(request: request, code: code.rawValue, text: code.text)
    }

    /// Reads the fields.
    public init(from reader: inout PacketReader) throws(DecodeError) {
        request = try reader.read()
        code = try reader.read()
        text = try reader.readText()
    }

    /// Writes the fields.
    public func encode(to writer: inout PacketWriter) {
        writer.write(request)
        writer.write(code)
        writer.write(text)
    }
}
