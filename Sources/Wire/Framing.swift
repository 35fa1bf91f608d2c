// SPDX-License-Identifier: Apache-2.0

/// The header in front of every packet: how wide its two fields are, in which byte order, and what the size counts.
///
/// The standard header is `size: u16` (whole packet, header included) and `type: u16`, little-endian. Other headers
/// are other values of the same type, so that clients that exist already (a course's `u8 size, u8 type`) fit.
public struct Framing: Hashable, Sendable {
    /// The width of a header field in bytes.
    public enum Width: UInt8, Hashable, Sendable {
        /// One byte.
        case one = 1
        /// Two bytes.
        case two = 2
        /// Four bytes.
        case four = 4

        /// The largest value that a field of this width expresses.
        public var maximum: Int {
            switch self {
            case .one: 0xFF
            case .two: 0xFFFF
            case .four: 0xFFFF_FFFF
            }
        }
    }

    /// The order of the bytes of a header field.
    public enum ByteOrder: UInt8, Hashable, Sendable {
        /// Least significant byte first, the order of x86 and ARM.
        case littleEndian
        /// Most significant byte first, "network order".
        case bigEndian
    }

    /// What the first bytes of a packet say.
    public enum Header: Hashable, Sendable {
        /// More bytes are needed to know the size and the type.
        case incomplete
        /// The size is below the header's or above the maximum: the stream cannot be read any further.
        case malformed
        /// A packet of `size` bytes in all, header included.
        case packet(size: Int, type: PacketType)
    }

    /// Width of the size field.
    public let sizeWidth: Width
    /// Width of the type field. Types above 65,535 in a four-byte field read as 65,535, which no packet has.
    public let typeWidth: Width
    /// Byte order of both fields.
    public let byteOrder: ByteOrder
    /// Whether the size counts the header.
    public let sizeIncludesHeader: Bool
    /// The largest packet in bytes, header included, that is read or written.
    public let maximumPacketSize: Int
    /// The bytes of both fields.
    public let headerSize: Int
    @usableFromInline let isStandard: Bool

    /// The largest packet that the standard header can express.
    public static let largestStandardPacket = 65_535

    /// Describes a header.
    ///
    /// - Parameter maximumPacketSize: in bytes, header included; lowered to what the size field can express, raised
    ///   to the header's own size, and never above 1 MiB.
    public init(
        sizeWidth: Width = .two, typeWidth: Width = .two, byteOrder: ByteOrder = .littleEndian,
        sizeIncludesHeader: Bool = true, maximumPacketSize: Int = 16_384
    ) {
        let header = Int(sizeWidth.rawValue) + Int(typeWidth.rawValue)
        let expressible = sizeIncludesHeader ? sizeWidth.maximum : sizeWidth.maximum + header
        self.sizeWidth = sizeWidth
        self.typeWidth = typeWidth
        self.byteOrder = byteOrder
        self.sizeIncludesHeader = sizeIncludesHeader
        self.maximumPacketSize = max(header, min(maximumPacketSize, expressible, 1 << 20))
        headerSize = header
        isStandard = sizeWidth == .two && typeWidth == .two && byteOrder == .littleEndian && sizeIncludesHeader
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// A size that cannot be is found as soon as its own field is there, before the type.
    @inlinable @inline(__always)
    public func header(_ bytes: UnsafeRawBufferPointer) -> Header {
        guard isStandard else { return uncommonHeader(bytes) }
        guard bytes.count >= 4 else {
            if bytes.count >= 2 {
                let size = Int(UInt16(littleEndian: bytes.loadUnaligned(as: UInt16.self)))
                if size < 4 || size > maximumPacketSize { return .malformed }
            }
            return .incomplete
        }
        let word = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
        let size = Int(word & 0xFFFF)
        guard size >= 4, size <= maximumPacketSize else { return .malformed }
        return .packet(size: size, type: PacketType(rawValue: UInt16(truncatingIfNeeded: word >> 16)))
    }

    @usableFromInline
    func uncommonHeader(_ bytes: UnsafeRawBufferPointer) -> Header {
        let sizeBytes = Int(sizeWidth.rawValue)
        guard bytes.count >= sizeBytes else { return .incomplete }
        let announced = field(bytes, at: 0, width: sizeWidth)
        let size = sizeIncludesHeader ? announced : announced &+ headerSize
        guard size >= headerSize, size <= maximumPacketSize else { return .malformed }
        guard bytes.count >= headerSize else { return .incomplete }
        let type = min(field(bytes, at: sizeBytes, width: typeWidth), 0xFFFF)
        return .packet(size: size, type: PacketType(rawValue: UInt16(truncatingIfNeeded: type)))
    }

    /// Writes the header of a packet of `size` bytes in all at the start of `memory`.
    ///
    /// - Precondition: `memory` holds at least `headerSize` bytes.
    @inlinable @inline(__always)
    public func writeHeader(size: Int, type: PacketType, to memory: UnsafeMutableRawBufferPointer) {
        precondition(memory.count >= headerSize)
        guard isStandard else { return writeUncommonHeader(size: size, type: type, to: memory) }
        let word = UInt32(truncatingIfNeeded: size) | UInt32(type.rawValue) << 16
        memory.storeBytes(of: word.littleEndian, as: UInt32.self)
    }

    @usableFromInline
    func writeUncommonHeader(size: Int, type: PacketType, to memory: UnsafeMutableRawBufferPointer) {
        store(sizeIncludesHeader ? size : size &- headerSize, at: 0, width: sizeWidth, to: memory)
        store(Int(type.rawValue), at: Int(sizeWidth.rawValue), width: typeWidth, to: memory)
    }

    /// Writes header and body of `packet` at the start of `memory`.
    ///
    /// - Returns: the bytes written, or nil when the packet does not fit: into `memory`, into `maximumPacketSize`, or
    ///   a field into its declared maximum.
    @inlinable
    public func encode<P: Packet>(_ packet: P, into memory: UnsafeMutableRawBufferPointer) -> Int? {
        let room = min(memory.count, maximumPacketSize)
        guard room >= headerSize else { return nil }
        let body = UnsafeMutableRawBufferPointer(rebasing: memory[headerSize..<room])
        var writer = PacketWriter(body.mutableBytes)
        packet.encode(to: &writer)
        guard !writer.failed else { return nil }
        let size = headerSize &+ writer.count
        writeHeader(size: size, type: P.type, to: memory)
        return size
    }

    private func field(_ bytes: UnsafeRawBufferPointer, at offset: Int, width: Width) -> Int {
        var value = 0
        for index in 0..<Int(width.rawValue) {
            let byte = Int(bytes[offset &+ index])
            value = byteOrder == .bigEndian ? value << 8 | byte : value | byte << (8 &* index)
        }
        return value
    }

    private func store(_ value: Int, at offset: Int, width: Width, to memory: UnsafeMutableRawBufferPointer) {
        let count = Int(width.rawValue)
        for index in 0..<count {
            let shift = 8 &* (byteOrder == .bigEndian ? count &- 1 &- index : index)
            memory[offset &+ index] = UInt8(truncatingIfNeeded: value >> shift)
        }
    }
}
