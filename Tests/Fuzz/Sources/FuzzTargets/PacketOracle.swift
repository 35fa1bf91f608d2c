// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// An independent reading of a header: arrays and plain arithmetic, sharing nothing with what it checks.
struct PacketOracle {
    enum Head: Equatable {
        case incomplete
        case malformed
        case packet(size: Int, type: UInt16)
    }

    let sizeBytes: Int
    let typeBytes: Int
    let isBigEndian: Bool
    let countsHeader: Bool
    let maximum: Int

    init(_ framing: Framing) {
        sizeBytes = Int(framing.sizeWidth.rawValue)
        typeBytes = Int(framing.typeWidth.rawValue)
        isBigEndian = framing.byteOrder == .bigEndian
        countsHeader = framing.sizeIncludesHeader
        maximum = framing.maximumPacketSize
    }

    var headerBytes: Int { sizeBytes + typeBytes }

    /// What stands at `offset`.
    ///
    /// - Parameter limit: the largest packet, where it is less than the framing's.
    func head(_ bytes: [UInt8], at offset: Int, limit: Int = .max) -> Head {
        guard bytes.count - offset >= sizeBytes else { return .incomplete }
        let size = number(bytes, offset, sizeBytes) + (countsHeader ? 0 : headerBytes)
        if size < headerBytes || size > min(maximum, limit) { return .malformed }
        guard bytes.count - offset >= headerBytes else { return .incomplete }
        return .packet(size: size, type: UInt16(min(65_535, number(bytes, offset + sizeBytes, typeBytes))))
    }

    /// A packet of this type and body.
    func packet(_ type: Int, _ body: [UInt8]) -> [UInt8] {
        field(body.count + (countsHeader ? headerBytes : 0), sizeBytes) + field(type, typeBytes) + body
    }

    private func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
        let field = bytes[offset..<offset + count]
        return isBigEndian
            ? field.reduce(0) { $0 * 256 + Int($1) } : field.reversed().reduce(0) { $0 * 256 + Int($1) }
    }

    private func field(_ value: Int, _ count: Int) -> [UInt8] {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        return isBigEndian ? bytes.reversed() : bytes
    }
}
