// SPDX-License-Identifier: Apache-2.0

internal import Wire
internal import World

/// Looking ahead in what has arrived.
///
/// Where thousands see each other, the tables of what they know are larger than any cache, and waiting for memory at
/// every packet takes longer than all else that is done for it. Reads that do not depend on each other wait together.
extension Bot {
    private static let headerSize = 4
    private static let moveSize = headerSize + MoveObject.bodySize.upperBound

    /// Reads the places of all objects that move. Bytes are believed as little as in `receive`: what is no row of
    /// packets is not looked at any further.
    ///
    /// - Returns: something that depends on everything that was read.
    func lookAhead(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var sum: UInt64 = 0
        var place = 0
        while bytes.count &- place >= Self.moveSize {
            let size = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt16.self)))
            let type = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: place &+ 2, as: UInt16.self))
            guard size >= Self.headerSize else { break }
            if type == MoveObject.type.rawValue {
                let object = bytes.loadUnaligned(fromByteOffset: place &+ Self.headerSize, as: UInt32.self)
                sum &+= known.touch(UInt32(littleEndian: object))
            }
            place &+= size
        }
        return sum
    }
}
