// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import CLiburing
    internal import Glibc

    /// What a recorder keeps of a submission.
    package struct Submission: Sendable {
        package let userData: UInt64
        package let subject: Transition.Subject
        /// A descriptor, or a place in the ring's table.
        package let file: Int32
        package let isDirect: Bool
        /// Bytes that it may bring or take; of a limited receive its limit.
        package let asked: Int
        /// Of a cancel: what it asks the end of.
        package let target: UInt64

        package init(
            _ subject: Transition.Subject, userData: UInt64, file: Int32 = 0, isDirect: Bool = false, asked: Int = 0,
            target: UInt64 = 0
        ) {
            self.userData = userData
            self.subject = subject
            self.file = file
            self.isDirect = isDirect
            self.asked = asked
            self.target = target
        }

        init(_ entry: io_uring_sqe) {
            let subject = Self.subject(of: entry)
            self.init(
                subject, userData: entry.user_data,
                file: subject == .closeDirect ? Int32(bitPattern: entry.file_index) &- 1 : entry.fd,
                isDirect: entry.flags & UInt8(CL_SQE_FIXED_FILE) != 0, asked: Self.asked(by: entry, subject),
                target: entry.opcode == UInt8(CL_OP_ASYNC_CANCEL) ? entry.addr : 0)
        }

        private static func subject(of entry: io_uring_sqe) -> Transition.Subject {
            switch entry.user_data & 0xFF {
            case UringOperation.accept: .accept
            case UringOperation.receive:
                entry.ioprio & UInt16(CL_RECV_MULTISHOT) == 0
                    ? .receiveOnce : entry.file_index > 0 ? .receiveLimited : .receiveMultishot
            case UringOperation.silentSend: .silentSend
            case UringOperation.trackedSend: .trackedSend
            case UringOperation.close: entry.file_index > 0 ? .closeDirect : .close
            case UringOperation.cancelReceive: .cancelReceive
            case UringOperation.cancelSend: .cancelSend
            case UringOperation.cancel: .cancelOperation
            case UringOperation.cancelAccept: .cancelAccept
            case UringOperation.doorbellRead: .doorbellRead
            case UringOperation.shutdown: .shutdownDirect
            case UringOperation.reset: .disconnect
            default: operation(of: entry)
            }
        }

        private static func operation(of entry: io_uring_sqe) -> Transition.Subject {
            switch Int(entry.opcode) {
            case Int(CL_OP_RECVMSG): .operationReceive
            case Int(CL_OP_SENDMSG): .operationSend
            case Int(CL_OP_ACCEPT): .operationAccept
            default: .operationConnect
            }
        }

        /// How many bytes are asked for: the memory that is named is still there when the kernel has just taken it.
        private static func asked(by entry: io_uring_sqe, _ subject: Transition.Subject) -> Int {
            let address = UnsafeRawPointer(bitPattern: UInt(entry.addr))
            switch subject {
            case .receiveLimited: return Int(entry.file_index)
            case .trackedSend: return Int(entry.len)
            case .doorbellRead: return Int(entry.len)
            case .silentSend, .operationSend, .operationReceive:
                if [Int(CL_OP_SENDMSG), Int(CL_OP_RECVMSG)].contains(Int(entry.opcode)), let address {
                    let header = address.assumingMemoryBound(to: msghdr.self).pointee
                    return byteCount(header.msg_iov, Int(header.msg_iovlen))
                }
                guard entry.ioprio & UInt16(CL_SEND_VECTORIZED) != 0, let address else { return Int(entry.len) }
                return byteCount(address.assumingMemoryBound(to: iovec.self), Int(entry.len))
            default: return 0
            }
        }

        private static func byteCount(_ list: UnsafePointer<iovec>?, _ count: Int) -> Int {
            guard let list else { return 0 }
            return (0..<count).reduce(0) { $0 &+ list[$1].iov_len }
        }
    }
#endif
