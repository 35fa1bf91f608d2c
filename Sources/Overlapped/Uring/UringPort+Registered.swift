// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// Registered files: sockets that lie in the ring's own table at their stream's slot, beside the descriptor that they
/// keep (`UringFeatures.registeredFiles`).
///
/// A submission that names a place of the table finds the socket without the process's table of descriptors and without
/// counting a reference to the file, which lies in no cache when there are many. Entering and leaving the table are
/// submissions (IORING_OP_FILES_UPDATE), carried out in the order of the queue: behind what names the place before,
/// ahead of what names it after. System calls name the descriptor as ever.
extension UringPort {
    /// Gives the ring a table of so many places as the process may have descriptors, or as there are streams. Returns
    /// how many; 0: none, and every submission names a descriptor.
    static func makeTable(capacity: Int, ring: borrowing UringRing, features: UringFeatures) -> Int {
        guard features.contains([.registeredFiles, .silentSend]), !ring.isPolled else { return 0 }
        let limit = ResourceLimit.descriptors.now.soft.map { Int(clamping: $0) } ?? capacity
        let places = ring.isForeign ? capacity : min(capacity, limit)
        return places > 0 && ring.registerTable(UInt32(clamping: places)) == 0 ? places : 0
    }

    /// Enters a new stream's socket into the table. One that the kernel refuses is no open descriptor: what is asked of
    /// it next fails, as it would without a table.
    mutating func register(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        guard key.slot < tablePlaces else { return }
        stream.pointee.file = Int32(truncatingIfNeeded: key.slot)
        stream.pointee.fileFlags = UInt8(CL_SQE_FIXED_FILE)
        // Read while the submission is taken, which is before the stream's descriptor can change; and the table of
        // streams never moves.
        update(key, with: withUnsafeMutablePointer(to: &stream.pointee.descriptor) { UInt64(UInt(bitPattern: $0)) })
    }

    /// Takes the socket of a stream that closes out of the table, or the close of its descriptor would end nothing.
    mutating func unregister(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        if stream.pointee.isRegistered { update(key, with: Self.none) }
    }

    private mutating func update(_ key: CompletionKey, with address: UInt64) {
        let sqe = entry()
        sqe.pointee.opcode = UInt8(CL_OP_FILES_UPDATE)
        sqe.pointee.flags = UInt8(CL_SQE_CQE_SKIP_SUCCESS)
        sqe.pointee.fd = -1
        sqe.pointee.addr = address
        sqe.pointee.len = 1
        sqe.pointee.off = UInt64(key.slot)
        sqe.pointee.user_data = key.rawValue | UringOperation.filesUpdate
    }

    /// Where -1 stands: no descriptor.
    private static let none: UInt64 = {
        let none = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
        none.initialize(to: -1)
        return UInt64(UInt(bitPattern: none))
    }()
}
