// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Cuts packets, header included, out of a stream: `u16 size, u16 type`, little-endian.
struct PacketDecoder: NIOSingleStepByteToMessageDecoder {
    struct InvalidSize: Error {}
    typealias InboundOut = ByteBuffer

    mutating func decode(buffer: inout ByteBuffer) throws -> ByteBuffer? {
        guard let size = buffer.getInteger(at: buffer.readerIndex, endianness: .little, as: UInt16.self) else {
            return nil
        }
        guard size >= 4 else { throw InvalidSize() }
        return buffer.readSlice(length: Int(size))
    }

    mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> ByteBuffer? {
        try decode(buffer: &buffer)
    }
}
