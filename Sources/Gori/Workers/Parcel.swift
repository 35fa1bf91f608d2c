// SPDX-License-Identifier: Apache-2.0

/// Packets of one turn for sessions and groups of another worker: encoded bytes with their addressees, owned by
/// whoever holds the pointer.
final class Parcel {
    /// Whom an entry is for.
    enum Addressee {
        case session(UInt64)
        case group(UInt64)
    }

    private var bytes: [UInt8] = []
    private static let headerSize = 16

    var byteCount: Int { bytes.count }

    /// Appends a whole packet for a session or a group.
    func append(_ packet: UnsafeRawBufferPointer, for addressee: Addressee) {
        let (kind, number): (UInt32, UInt64) =
            switch addressee {
            case .session(let id): (0, id)
            case .group(let id): (1, id)
            }
        withUnsafeBytes(of: kind) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: packet.count)) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: packet)
    }

    /// Hands every entry to `body`, in order.
    func open(_ body: (Addressee, UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeBytes { raw in
            var offset = 0
            while offset &+ Self.headerSize <= raw.count {
                let kind = raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                let count = Int(raw.loadUnaligned(fromByteOffset: offset &+ 4, as: UInt32.self))
                let number = raw.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self)
                let start = offset &+ Self.headerSize
                let packet = UnsafeRawBufferPointer(rebasing: raw[start..<start &+ count])
                body(kind == 0 ? .session(number) : .group(number), packet)
                offset = start &+ count
            }
        }
    }
}
