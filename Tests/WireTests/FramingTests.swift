// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct FramingTests {
    private func header(_ framing: Framing, _ bytes: [UInt8]) -> Framing.Header {
        bytes.withUnsafeBytes { framing.header($0) }
    }

    private func written(_ framing: Framing, size: Int, type: PacketType) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: framing.headerSize)
        bytes.withUnsafeMutableBytes { framing.writeHeader(size: size, type: type, to: $0) }
        return bytes
    }

    @Test("the standard header is u16 size and u16 type, little-endian, the size counting both")
    func standard() {
        let framing = Framing()
        #expect(framing.headerSize == 4)
        #expect(framing.maximumPacketSize == 16_384)
        #expect(written(framing, size: 0x0102, type: 0x0304) == [0x02, 0x01, 0x04, 0x03])
        #expect(header(framing, [0x02, 0x01, 0x04, 0x03, 9]) == .packet(size: 0x0102, type: 0x0304))
        #expect(header(framing, [4, 0, 1, 0]) == .packet(size: 4, type: 1))
        #expect(header(framing, [0x00, 0x40, 1, 0]) == .packet(size: 16_384, type: 1))
    }

    @Test("u8 size and u8 type fit a course's clients")
    func narrow() {
        let framing = Framing(sizeWidth: .one, typeWidth: .one)
        #expect(framing.headerSize == 2)
        #expect(framing.maximumPacketSize == 255)
        #expect(written(framing, size: 255, type: 7) == [255, 7])
        #expect(header(framing, [255, 7]) == .packet(size: 255, type: 7))
        #expect(header(framing, [1]) == .malformed)
        #expect(header(framing, [2]) == .incomplete)
        #expect(header(framing, [2, 200]) == .packet(size: 2, type: 200))
    }

    @Test("big-endian fields are read and written most significant byte first")
    func bigEndian() {
        let framing = Framing(byteOrder: .bigEndian)
        #expect(written(framing, size: 0x0102, type: 0x0304) == [0x01, 0x02, 0x03, 0x04])
        #expect(header(framing, [0x01, 0x02, 0x03, 0x04]) == .packet(size: 0x0102, type: 0x0304))
        let wide = Framing(sizeWidth: .four, typeWidth: .two, byteOrder: .bigEndian, maximumPacketSize: 1 << 20)
        #expect(written(wide, size: 0x0010_0000, type: 5) == [0x00, 0x10, 0x00, 0x00, 0, 5])
        #expect(header(wide, [0x00, 0x10, 0x00, 0x00, 0, 5]) == .packet(size: 1 << 20, type: 5))
    }

    @Test("a size that does not count the header may be 0")
    func sizeWithoutHeader() {
        let framing = Framing(sizeIncludesHeader: false)
        #expect(written(framing, size: 4, type: 9) == [0, 0, 9, 0])
        #expect(header(framing, [0, 0, 9, 0]) == .packet(size: 4, type: 9))
        #expect(header(framing, [10, 0, 9, 0]) == .packet(size: 14, type: 9))
        let limited = Framing(sizeIncludesHeader: false, maximumPacketSize: 14)
        #expect(header(limited, [10, 0, 9, 0]) == .packet(size: 14, type: 9))
        #expect(header(limited, [11, 0]) == .malformed)
    }

    @Test("a size that cannot be is found before the type has come")
    func earlyMalformed() {
        let framing = Framing(maximumPacketSize: 100)
        #expect(header(framing, []) == .incomplete)
        #expect(header(framing, [3]) == .incomplete)
        for size: UInt8 in [0, 1, 2, 3, 101, 255] {
            #expect(header(framing, [size, 0]) == .malformed)
            #expect(header(framing, [size, 0, 1]) == .malformed)
            #expect(header(framing, [size, 0, 1, 0]) == .malformed)
        }
        #expect(header(framing, [100, 0]) == .incomplete)
        #expect(header(framing, [0, 1]) == .malformed)
        let wide = Framing(sizeWidth: .four, byteOrder: .bigEndian, maximumPacketSize: 100)
        #expect(header(wide, [0, 0, 0]) == .incomplete)
        #expect(header(wide, [0, 0, 0, 101]) == .malformed)
        #expect(header(wide, [0xFF, 0xFF, 0xFF, 0xFF]) == .malformed)
    }

    @Test("the maximum is lowered to what the size field can express, and never below the header or above 1 MiB")
    func maximum() {
        #expect(Framing(sizeWidth: .one, maximumPacketSize: 1_000).maximumPacketSize == 255)
        #expect(Framing(sizeWidth: .one, sizeIncludesHeader: false, maximumPacketSize: 1_000).maximumPacketSize == 258)
        #expect(Framing(maximumPacketSize: 1 << 30).maximumPacketSize == Framing.largestStandardPacket)
        #expect(Framing(sizeWidth: .four, maximumPacketSize: 1 << 30).maximumPacketSize == 1 << 20)
        #expect(Framing(maximumPacketSize: 0).maximumPacketSize == 4)
        #expect(Framing(maximumPacketSize: -5).maximumPacketSize == 4)
    }

    @Test("a type above 65,535 in a four-byte field reads as 65,535")
    func wideType() {
        let framing = Framing(sizeWidth: .four, typeWidth: .four)
        #expect(header(framing, [8, 0, 0, 0, 0, 0, 1, 0]) == .packet(size: 8, type: 0xFFFF))
        #expect(header(framing, [8, 0, 0, 0, 0xFE, 0xFF, 0, 0]) == .packet(size: 8, type: 0xFFFE))
    }

    @Test("what is written is read back, for every header there is")
    func roundTrip() {
        let widths: [Framing.Width] = [.one, .two, .four]
        var dice = Dice(seed: 1)
        for (sizeWidth, typeWidth) in widths.flatMap({ size in widths.map { (size, $0) } }) {
            for (order, counted) in [
                (Framing.ByteOrder.littleEndian, true), (.bigEndian, true), (.littleEndian, false),
            ] {
                let framing = Framing(
                    sizeWidth: sizeWidth, typeWidth: typeWidth, byteOrder: order, sizeIncludesHeader: counted,
                    maximumPacketSize: 1 << 20)
                for _ in 0..<50 {
                    let size = dice.within(framing.headerSize...framing.maximumPacketSize)
                    let type = PacketType(rawValue: UInt16(dice.below(typeWidth == .one ? 256 : 65_536)))
                    let bytes = written(framing, size: size, type: type)
                    #expect(header(framing, bytes) == .packet(size: size, type: type))
                    #expect(header(framing, bytes.dropLast()) == .incomplete)
                }
            }
        }
    }
}
