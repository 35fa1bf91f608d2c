// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// A body read by every reader: it ends in a value or an error, and a value written again is the same bytes.
enum PacketChecks {
    static func run(_ type: UInt16, _ body: [UInt8], _ framing: Framing) {
        switch type % 16 {
        case Hello.type.rawValue: roundTrip(Hello.self, body, framing)
        case Welcome.type.rawValue: roundTrip(Welcome.self, body, framing)
        case Goodbye.type.rawValue:
            roundTrip(Goodbye.self, body, framing)
            promise(!EndReason(rawValue: body.first ?? 0).description.isEmpty, "every reason has a name")
        case Ping.type.rawValue: roundTrip(Ping.self, body, framing)
        case Pong.type.rawValue: roundTrip(Pong.self, body, framing)
        default: read(body)
        }
    }

    private static func roundTrip<P: Packet>(_: P.Type, _ body: [UInt8], _ framing: Framing) {
        guard let packet = try? P.decode(body.span.bytes) else { return }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count + framing.headerSize, alignment: 1)
        defer { memory.deallocate() }
        guard let count = framing.encode(packet, into: memory) else {
            return promise(memory.count > framing.maximumPacketSize, "what was read can be written")
        }
        promise(count == memory.count, "as long as it was")
        promise(Array(memory[framing.headerSize...]) == body, "the same bytes")
        let expected = PacketOracle(framing).head(Array(memory), at: 0)
        let typeLimit = framing.typeWidth == .one ? 0xFF : 0xFFFF
        promise(
            expected == .packet(size: count, type: P.type.rawValue & UInt16(typeLimit)), "its own header before it")
        promise(framing.encode(packet, into: .init(rebasing: memory[..<(count - 1)])) == nil, "no room, no packet")
    }

    /// The first byte of each step says what is read.
    private static func read(_ body: [UInt8]) {
        var reader = PacketReader(body.span.bytes)
        do throws(DecodeError) {
            while reader.remaining > 0 { try readOne(&reader) }
            try reader.finish()
        } catch {
            promise(reader.remaining >= 0 && reader.remaining <= body.count, "the cursor stays inside")
            if reader.remaining > 0 { promise((try? reader.finish()) == nil, "left over") }
        }
    }

    private static func readOne(_ reader: inout PacketReader) throws(DecodeError) {
        let kind: UInt8 = try reader.read()
        switch kind & 7 {
        case 0: _ = try reader.readBool()
        case 1: promise(try reader.readFloat().isFinite, "finite")
        case 2: promise(try reader.readDouble().isFinite, "finite")
        case 3: promise(try reader.readCount(maximum: 300) <= 300, "within its maximum")
        case 4: promise(try reader.readString(maximum: Int(kind)).utf8.count <= Int(kind), "within its maximum")
        case 5:
            let text = try reader.readTextBytes(maximum: 1_000)
            let bytes = text.withUnsafeBytes { Array($0) }
            promise(String(validating: bytes, as: UTF8.self) != nil && !bytes.contains(0), "legal text")
        case 6: promise(try reader.readBytes(count: Int(kind >> 3)).byteCount == Int(kind >> 3), "as many as asked")
        default: promise((try? reader.readBytes(count: -1)) == nil, "no negative count")
        }
    }
}
