// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Overlapped operations over io_uring: one of each socket and direction in the kernel, the others behind it in order,
/// because the kernel may complete two of them in any order.
extension UringPort {
    /// Starts an operation on a socket of the caller's, ended by `operation` under `key`.
    public mutating func start(_ operation: OverlappedOperation, on descriptor: Int32, key: CompletionKey) {
        guard let record = operations.add(operation, descriptor: descriptor, key: key) else { return }
        submit(record)
    }

    /// Asks for the end of an operation; its completion says how it ended.
    public mutating func cancelOperation(_ key: CompletionKey) {
        guard let record = operations.find(key), !record.isCancelled else { return }
        record.isCancelled = true
        // One that waits behind others completes in its turn, so that the order holds.
        if record.isInKernel { cancel(key.rawValue | UringOperation.overlapped) }
    }

    private mutating func submit(_ first: OperationTable.Record) {
        var next: OperationTable.Record? = first
        while let record = next {
            next = nil
            if let result = immediateResult(record) {
                pending.append(Completion(.operation, record.key, result: result))
                next = operations.remove(record)
            } else {
                queue(record)
            }
        }
    }

    /// What needs no kernel: the cancelled, the illegal, and ending a direction, which never waits.
    private mutating func immediateResult(_ record: OperationTable.Record) -> Int32? {
        if record.isCancelled { return -ECANCELED }
        switch record.operation {
        case .receive(_, let flags), .send(_, let flags):
            return flags.isLegal ? nil : -EOPNOTSUPP
        case .disconnect:
            counts.pointee.systemCalls &+= 1
            return shutdown(record.descriptor, Int32(SHUT_WR)) == 0 ? 0 : -errno
        case .accept, .connect: return nil
        }
    }

    private mutating func queue(_ record: OperationTable.Record) {
        record.isInKernel = true
        let sqe = entry()
        sqe.pointee.fd = record.descriptor
        sqe.pointee.user_data = record.key.rawValue | UringOperation.overlapped
        switch record.operation {
        case .receive(_, let flags):
            sqe.pointee.opcode = UInt8(CL_OP_RECVMSG)
            sqe.pointee.addr = UInt64(UInt(bitPattern: record.header))
            sqe.pointee.len = 1
            cl_sqe_set_message_flags(sqe, UInt32(flags.system))
        case .send(_, let flags):
            sqe.pointee.opcode = UInt8(CL_OP_SENDMSG)
            sqe.pointee.addr = UInt64(UInt(bitPattern: record.header))
            sqe.pointee.len = 1
            let whole = flags.contains(.outOfBand) ? 0 : UInt32(MSG_WAITALL)
            cl_sqe_set_message_flags(sqe, UInt32(flags.system) | whole | UInt32(MSG_NOSIGNAL))
        case .accept:
            sqe.pointee.opcode = UInt8(CL_OP_ACCEPT)
            cl_sqe_set_accept_flags(sqe, UInt32(CL_SOCK_CLOEXEC))
        case .connect(let address):
            sqe.pointee.opcode = UInt8(CL_OP_CONNECT)
            let length = address.withSockaddr { source, length in
                UnsafeMutableRawPointer(record.address).copyMemory(from: source, byteCount: Int(length))
                return length
            }
            sqe.pointee.addr = UInt64(UInt(bitPattern: record.address))
            sqe.pointee.off = UInt64(length)
        case .disconnect: break
        }
    }

    mutating func completeOperation(_ key: CompletionKey, _ result: Int32) -> Completion? {
        guard let record = operations.find(key) else {
            counts.pointee.stale &+= 1
            return nil
        }
        record.isInKernel = false
        var result = result
        if case .send = record.operation {
            if result > 0 { record.advance(by: Int(result)) }
            if result > 0, record.done < record.byteCount, !record.isCancelled {
                queue(record)
                return nil
            }
            if record.done > 0 { result = Int32(clamping: record.done) }
        }
        if let next = operations.remove(record) { submit(next) }
        return Completion(.operation, key, result: result)
    }
}
