// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

@Suite struct PacketReaderTests {
    private func read<Value>(
        _ bytes: [UInt8], _ body: (inout PacketReader) throws(DecodeError) -> Value
    ) -> Result<Value, DecodeError> {
        var reader = PacketReader(bytes.span.bytes)
        do throws(DecodeError) { return .success(try body(&reader)) } catch { return .failure(error) }
    }

    private func readString(_ bytes: [UInt8], maximum: Int) -> Result<String, DecodeError> {
        read(bytes) { (reader) throws(DecodeError) in try reader.readString(maximum: maximum) }
    }

    @Test("integers are little-endian, of every width and sign")
    func integers() {
        #expect(read([0xFE]) { (reader) throws(DecodeError) in try reader.read(UInt8.self) } == .success(0xFE))
        #expect(read([0xFE]) { (reader) throws(DecodeError) in try reader.read(Int8.self) } == .success(-2))
        #expect(read([1, 2]) { (reader) throws(DecodeError) in try reader.read(UInt16.self) } == .success(0x0201))
        #expect(read([0xFF, 0x7F]) { (reader) throws(DecodeError) in try reader.read(Int16.self) } == .success(.max))
        #expect(
            read([1, 2, 3, 4]) { (reader) throws(DecodeError) in try reader.read(UInt32.self) } == .success(0x0403_0201)
        )
        #expect(
            read([0, 0, 0, 0x80]) { (reader) throws(DecodeError) in try reader.read(Int32.self) } == .success(.min))
        let eight: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        #expect(
            read(eight) { (reader) throws(DecodeError) in try reader.read(UInt64.self) }
                == .success(0x0807_0605_0403_0201))
        #expect(
            read(eight) { (reader) throws(DecodeError) in try reader.read(Int64.self) }
                == .success(0x0807_0605_0403_0201))
    }

    @Test("fields follow each other without padding, and the rest is counted")
    func sequence() {
        let result = read([1, 2, 0, 3, 0, 0, 0, 9]) { (reader) throws(DecodeError) -> [Int] in
            let first = Int(try reader.read(UInt8.self))
            let second = Int(try reader.read(UInt16.self))
            let third = Int(try reader.read(UInt32.self))
            return [first, second, third, reader.remaining]
        }
        #expect(result == .success([1, 2, 3, 1]))
    }

    @Test("a field that is not all there is truncated, and nothing is consumed")
    func truncated() {
        for count in 0..<8 {
            let bytes = [UInt8](repeating: 1, count: count)
            #expect(
                read(bytes) { (reader) throws(DecodeError) in try reader.read(UInt64.self) } == .failure(.truncated))
            if count < 4 {
                #expect(read(bytes) { (reader) throws(DecodeError) in try reader.readFloat() } == .failure(.truncated))
            }
            #expect(read(bytes) { (reader) throws(DecodeError) in try reader.readDouble() } == .failure(.truncated))
        }
        #expect(read([]) { (reader) throws(DecodeError) in try reader.readBool() } == .failure(.truncated))
        let left = read([1, 2, 3]) { (reader) throws(DecodeError) -> Int in
            _ = try? reader.read(UInt32.self)
            return reader.remaining
        }
        #expect(left == .success(3))
    }

    @Test("a bool is 0 or 1 and nothing else")
    func bools() {
        for byte in UInt8.min...UInt8.max {
            let expected: Result<Bool, DecodeError> = byte > 1 ? .failure(.invalidValue) : .success(byte == 1)
            #expect(read([byte]) { (reader) throws(DecodeError) in try reader.readBool() } == expected)
        }
    }

    @Test("floats are finite")
    func floats() {
        func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
            withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
        for value in [0, -0.0, 1.5, -Float.greatestFiniteMagnitude, .leastNonzeroMagnitude] as [Float] {
            #expect(
                read(bytes(value.bitPattern)) { (reader) throws(DecodeError) in try reader.readFloat() }
                    == .success(value))
        }
        for value in [Float.infinity, -.infinity, .nan, .signalingNaN] {
            #expect(
                read(bytes(value.bitPattern)) { (reader) throws(DecodeError) in try reader.readFloat() }
                    == .failure(.invalidValue))
        }
        for value in [0, 1.5e300, -Double.greatestFiniteMagnitude] as [Double] {
            #expect(
                read(bytes(value.bitPattern)) { (reader) throws(DecodeError) in try reader.readDouble() }
                    == .success(value))
        }
        for value in [Double.infinity, -.infinity, .nan] {
            #expect(
                read(bytes(value.bitPattern)) { (reader) throws(DecodeError) in try reader.readDouble() }
                    == .failure(.invalidValue))
        }
    }

    @Test("a count is a u8 up to a maximum of 255, else a u16, and never above its maximum")
    func counts() {
        func count(_ bytes: [UInt8], _ maximum: Int) -> Result<Int, DecodeError> {
            read(bytes) { (reader) throws(DecodeError) in try reader.readCount(maximum: maximum) }
        }
        #expect(count([10, 1], 10) == .success(10))
        #expect(count([11, 1], 10) == .failure(.tooLong))
        #expect(count([255], 255) == .success(255))
        #expect(count([44, 1], 300) == .success(300))
        #expect(count([45, 1], 300) == .failure(.tooLong))
        #expect(count([45], 300) == .failure(.truncated))
        #expect(count([0], 0) == .success(0))
        #expect(count([1], 0) == .failure(.tooLong))
    }

    @Test("a string is its length and its bytes: too long, truncated and illegal ones are refused as such")
    func strings() {
        #expect(readString([2, 0x68, 0x69], maximum: 20) == .success("hi"))
        #expect(readString([0], maximum: 20) == .success(""))
        #expect(readString([3, 0xED, 0x95, 0x9C], maximum: 3) == .success("한"))
        #expect(readString([4, 0x61, 0x61, 0x61, 0x61], maximum: 3) == .failure(.tooLong))
        #expect(readString([3, 0x61, 0x61], maximum: 20) == .failure(.truncated))
        #expect(readString([2, 0x61, 0x00], maximum: 20) == .failure(.invalidText))
        #expect(readString([2, 0xC3, 0x28], maximum: 20) == .failure(.invalidText))
        #expect(readString([3, 0, 0x61, 0x62, 0x63], maximum: 300) == .success("abc"))
        #expect(readString([], maximum: 20) == .failure(.truncated))
    }

    @Test("borrowed bytes are those that lie there")
    func bytes() {
        let result = read([1, 2, 3, 4]) { (reader) throws(DecodeError) -> [UInt8] in
            _ = try reader.read(UInt8.self)
            return try reader.readBytes(count: 2).withUnsafeBytes { Array($0) }
        }
        #expect(result == .success([2, 3]))
        for count in [5, -1, Int.max] {
            let result = read([1, 2, 3, 4]) { (reader) throws(DecodeError) in
                try reader.readBytes(count: count).byteCount
            }
            #expect(result == .failure(.truncated))
        }
    }

    @Test("bytes left over after the last field are refused")
    func leftOver() {
        let over = read([1, 2]) { (reader) throws(DecodeError) -> Int in
            _ = try reader.read(UInt8.self)
            try reader.finish()
            return 0
        }
        #expect(over == .failure(.leftOver))
        let exact = read([1]) { (reader) throws(DecodeError) -> Int in
            _ = try reader.read(UInt8.self)
            try reader.finish()
            return 0
        }
        #expect(exact == .success(0))
    }
}
