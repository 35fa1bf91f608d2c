// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct PacketWriterTests {
    private struct Written: Equatable {
        var bytes: [UInt8]
        var hasFailed: Bool
    }

    /// What is written into `room` bytes, and that nothing is written behind them.
    private func write(room: Int = 64, _ body: (inout PacketWriter) -> Void) -> Written {
        var memory = [UInt8](repeating: 0xEE, count: room + 16)
        var count = 0
        var hasFailed = false
        memory.withUnsafeMutableBytes { bytes in
            var writer = PacketWriter(UnsafeMutableRawBufferPointer(rebasing: bytes[..<room]).mutableBytes)
            body(&writer)
            count = writer.count
            hasFailed = writer.failed
        }
        #expect(memory[room...].allSatisfy { $0 == 0xEE })
        return Written(bytes: Array(memory[..<count]), hasFailed: hasFailed)
    }

    @Test("fields are packed and little-endian")
    func fields() {
        let written = write {
            $0.write(UInt8(1))
            $0.write(UInt16(0x0203))
            $0.write(UInt32(0x0405_0607))
            $0.write(UInt64(0x08090A0B_0C0D0E0F))
            $0.write(Int8(-1))
            $0.write(Int16(-2))
            $0.write(true)
            $0.write(false)
            $0.write(Float(1))
            $0.write(-2.0)
        }
        #expect(!written.hasFailed)
        #expect(
            written.bytes == [
                1, 3, 2, 7, 6, 5, 4, 0xF, 0xE, 0xD, 0xC, 0xB, 0xA, 9, 8, 0xFF, 0xFE, 0xFF, 1, 0, 0, 0, 0x80, 0x3F,
                0, 0, 0, 0, 0, 0, 0, 0xC0,
            ])
    }

    @Test("texts have a u8 length up to a maximum of 255 bytes, else a u16")
    func texts() {
        #expect(write { $0.write("hi", maximum: 20) }.bytes == [2, 0x68, 0x69])
        #expect(write { $0.write("", maximum: 20) }.bytes == [0])
        #expect(write { $0.write("한", maximum: 300) }.bytes == [3, 0, 0xED, 0x95, 0x9C])
        let bytes: [UInt8] = [0x61, 0x62]
        #expect(write { $0.write(text: bytes.span.bytes, maximum: 2) }.bytes == [2, 0x61, 0x62])
        #expect(write { $0.writeBytes(bytes.span.bytes) }.bytes == bytes)
        #expect(write { $0.writeCount(300, maximum: 300) }.bytes == [0x2C, 1])
    }

    @Test("a text above its maximum, measured in bytes, fails the writer")
    func tooLong() {
        #expect(write { $0.write("abcd", maximum: 3) }.hasFailed)
        #expect(write { $0.write("한글", maximum: 5) }.hasFailed)
        #expect(!write { $0.write("한글", maximum: 6) }.hasFailed)
        #expect(write { $0.writeCount(-1, maximum: 3) }.hasFailed)
        #expect(write { $0.writeCount(70_000, maximum: 80_000) }.hasFailed)
        let bytes: [UInt8] = [1, 2, 3]
        #expect(write { $0.write(text: bytes.span.bytes, maximum: 2) }.hasFailed)
    }

    @Test("a field that does not fit fails the writer, writes nothing of itself, and the failure stays")
    func overflow() {
        for room in 0..<8 { #expect(write(room: room) { $0.write(UInt64(1)) } == Written(bytes: [], hasFailed: true)) }
        #expect(write(room: 3) { $0.write("abc", maximum: 20) }.hasFailed)
        #expect(!write(room: 4) { $0.write("abc", maximum: 20) }.hasFailed)
        let written = write(room: 3) {
            $0.write(UInt16(0x0201))
            $0.write(UInt32(9))
            $0.write(UInt8(7))
        }
        #expect(written.hasFailed)
    }

    private struct Note: Packet, Hashable {
        static let type: PacketType = 77
        static let bodySize = 1...9
        var text: String

        init(_ text: String) { self.text = text }
        init(from reader: inout PacketReader) throws(DecodeError) { text = try reader.readString(maximum: 8) }
        func encode(to writer: inout PacketWriter) { writer.write(text, maximum: 8) }
    }

    private func encode(_ note: Note, room: Int, _ framing: Framing = Framing()) -> [UInt8]? {
        var memory = [UInt8](repeating: 0xEE, count: room + 8)
        let count = memory.withUnsafeMutableBytes {
            framing.encode(note, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<room]))
        }
        #expect(memory[room...].allSatisfy { $0 == 0xEE })
        return count.map { Array(memory[..<$0]) }
    }

    @Test("encode writes header and body, and nil when something does not fit")
    func encode() {
        #expect(encode(Note("abc"), room: 64) == [8, 0, 77, 0, 3, 0x61, 0x62, 0x63])
        #expect(encode(Note("abc"), room: 8) == [8, 0, 77, 0, 3, 0x61, 0x62, 0x63])
        #expect(encode(Note("abc"), room: 7) == nil)
        #expect(encode(Note("abc"), room: 3) == nil)
        #expect(encode(Note("abc"), room: 0) == nil)
        #expect(encode(Note("123456789"), room: 64) == nil)
        #expect(encode(Note("abc"), room: 64, Framing(maximumPacketSize: 8)) != nil)
        #expect(encode(Note("abc"), room: 64, Framing(maximumPacketSize: 7)) == nil)
        #expect(
            encode(Note("abc"), room: 64, Framing(sizeWidth: .one, typeWidth: .one)) == [6, 77, 3, 0x61, 0x62, 0x63])
    }

    @Test("decode refuses a body outside of its bounds, and one with something left over")
    func decode() {
        func decode(_ bytes: [UInt8]) -> Result<Note, DecodeError> {
            do throws(DecodeError) { return .success(try Note.decode(bytes.span.bytes)) } catch {
                return .failure(error)
            }
        }
        #expect(decode([3, 0x61, 0x62, 0x63]) == .success(Note("abc")))
        #expect(decode([]) == .failure(.bodySize))
        #expect(decode([UInt8](repeating: 1, count: 10)) == .failure(.bodySize))
        #expect(decode([1, 0x61, 0x62]) == .failure(.leftOver))
        #expect(decode([3, 0x61]) == .failure(.truncated))
        #expect(decode([9, 1, 1, 1, 1, 1, 1, 1, 1]) == .failure(.tooLong))
    }
}
