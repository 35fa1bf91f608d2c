// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Direct descriptors: sockets that lie in the ring's own table at their stream's slot, so that a process may hold more
/// of them than it may open files.
///
/// No system call can name such a socket. What `finish` and `close` do by system calls elsewhere are submissions here
/// (decision 8): IORING_OP_SHUTDOWN, and a disconnect for the reset.
extension UringPort {
    /// An address without a family: connecting to it disconnects (connect(2)), with the reset that a close without
    /// lingering sends. The kernel copies it while it takes the submission.
    private static let nobody: UInt64 = {
        let address = UnsafeMutablePointer<sockaddr>.allocate(capacity: 1)
        address.initialize(to: sockaddr())
        address.pointee.sa_family = sa_family_t(AF_UNSPEC)
        return UInt64(UInt(bitPattern: address))
    }()

    /// Gives the ring a table of `capacity` empty places (IORING_REGISTER_FILES2, sparse).
    static func registerTable(of capacity: Int, ring: borrowing UringRing, features: UringFeatures) throws(PortError) {
        guard features.contains([.directDescriptors, .silentSend]) else {
            throw PortError(call: "io_uring direct descriptors", code: EOPNOTSUPP)
        }
        let result = ring.registerTable(UInt32(clamping: capacity))
        guard result == 0 else { throw PortError(call: "io_uring table of \(capacity) descriptors", code: -result) }
    }

    /// Moves the socket of a new stream into the table. Where the kernel refuses it stays what it is, so that whoever
    /// handed over a dead descriptor hears of it as always.
    mutating func install(_ stream: UnsafeMutablePointer<StreamState>, slot: Int) {
        let descriptor = stream.pointee.descriptor
        counts.pointee.systemCalls &+= 1
        guard ring.install(descriptor, at: UInt32(truncatingIfNeeded: slot)) else { return }
        counts.pointee.systemCalls &+= 1
        SystemCalls.close(descriptor)
        stream.pointee.descriptor = Int32(truncatingIfNeeded: slot)
        stream.pointee.file = stream.pointee.descriptor
        stream.pointee.fileFlags = UInt8(CL_SQE_FIXED_FILE)
        stream.pointee.isDirect = true
    }

    /// Our end of stream. The kernel hands this to a worker thread of its own, so nothing is closed before it is done.
    mutating func shutdownDirect(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        stream.pointee.shutdownInFlight = true
        let sqe = entry()
        sqe.pointee.opcode = UInt8(CL_OP_SHUTDOWN)
        sqe.pointee.fd = stream.pointee.file
        sqe.pointee.flags = stream.pointee.fileFlags
        sqe.pointee.len = UInt32(SHUT_WR)
        sqe.pointee.user_data = key.rawValue | UringOperation.shutdown
    }

    mutating func completeShutdown(_ key: CompletionKey, _ result: Int32) {
        guard let stream = find(key) else { return }
        stream.pointee.shutdownInFlight = false
        if result < 0, stream.pointee.phase == .finishing { return beginClose(stream, key) }
        advanceClose(stream, key)
    }

    /// Queues the close of a direct descriptor, behind a disconnect if the peer shall see a reset. Both are carried out
    /// inside the submission, in this order.
    mutating func closeDirect(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        if stream.pointee.isHard {
            let sqe = entry()
            sqe.pointee.opcode = UInt8(CL_OP_CONNECT)
            sqe.pointee.fd = stream.pointee.file
            sqe.pointee.flags = stream.pointee.fileFlags | UInt8(CL_SQE_CQE_SKIP_SUCCESS)
            sqe.pointee.addr = Self.nobody
            sqe.pointee.off = UInt64(MemoryLayout<sockaddr>.size)
            sqe.pointee.user_data = key.rawValue | UringOperation.reset
        }
        stream.pointee.phase = .closeQueued
        let sqe = entry()
        sqe.pointee.opcode = UInt8(CL_OP_CLOSE)
        cl_sqe_set_file_index(sqe, UInt32(bitPattern: stream.pointee.descriptor))
        sqe.pointee.user_data = key.rawValue | UringOperation.close
    }
}
