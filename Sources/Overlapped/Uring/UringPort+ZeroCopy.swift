// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Sends without a copy, with `PortTechniques.zeroCopySend` (io_uring_enter(2), IORING_OP_SEND_ZC): the kernel names
/// the sender's pages until the peer has acknowledged them.
///
/// Only what lies whole in receive memory goes this way, such as an echo. The port itself gives that memory back, so it
/// can wait for the notification. All other memory is the caller's again when a send is settled (promise 5), long
/// before, and would have to be copied first, which is what is to be spared. For the same reason tracked sends copy: a
/// peer that does not read would keep the memory of a session that has ended.
///
/// A result is settled like a silent send's. What the kernel does not take, also for want of locked memory (ENOMEM), is
/// `blocked` and goes on as a tracked send, with a copy. However often the kernel says that it had to copy after all,
/// the technique stays in force: who asked for it wants to see what it costs.
extension UringPort {
    /// Sends without a copy, if this one may. Never more than a quarter of the receive buffers is held: peers that do
    /// not acknowledge must not keep others from being read.
    mutating func sendWithoutCopy(
        _ stream: UnsafeMutablePointer<StreamState>, _ list: UnsafeMutablePointer<iovec>, _ count: Int,
        of key: CompletionKey
    ) -> Bool {
        var total = 0
        for index in 0..<count { total &+= list[index].iov_len }
        guard total >= zeroCopy.threshold, total <= Int(Int32.max), zeroCopy.hasRoom, mayHold(list, count) else {
            return false
        }
        let record = zeroCopy.add(stream: key, byteCount: total)
        for index in 0..<count {
            guard let range = range(of: list[index]) else { continue }
            for buffer in range where !zeroCopy.name(buffer, in: record) { buffers.hold(buffer) }
        }
        submitZeroCopy(stream, list, count, record)
        return true
    }

    private func range(of part: iovec) -> ClosedRange<Int>? {
        guard let base = part.iov_base else { return nil }
        return buffers.buffers(under: base, count: part.iov_len)
    }

    private func mayHold(_ list: UnsafeMutablePointer<iovec>, _ count: Int) -> Bool {
        var held = buffers.heldCount
        for index in 0..<count {
            guard let range = range(of: list[index]) else { return false }
            for buffer in range where !buffers.isHeld(buffer) { held &+= 1 }
        }
        return held &* 4 <= buffers.bufferCount
    }

    private mutating func submitZeroCopy(
        _ stream: UnsafeMutablePointer<StreamState>, _ list: UnsafeMutablePointer<iovec>, _ count: Int, _ record: Int
    ) {
        silentSendsQueued &+= 1
        let sqe = entry()
        sqe.pointee.fd = stream.pointee.file
        sqe.pointee.flags = stream.pointee.fileFlags
        sqe.pointee.ioprio = UInt16(CL_SEND_ZC_REPORT_USAGE)
        sqe.pointee.user_data = zeroCopy.key(of: record).rawValue | UringOperation.zeroCopySend
        cl_sqe_set_message_flags(sqe, Self.silentFlags)
        if count == 1 {
            sqe.pointee.opcode = UInt8(CL_OP_SEND_ZC)
            sqe.pointee.addr = UInt64(UInt(bitPattern: list.pointee.iov_base))
            sqe.pointee.len = UInt32(truncatingIfNeeded: list.pointee.iov_len)
        } else {
            sqe.pointee.opcode = UInt8(CL_OP_SENDMSG_ZC)
            sqe.pointee.addr = UInt64(UInt(bitPattern: arena.header(of: list, count: count)))
            sqe.pointee.len = 1
        }
    }

    /// Takes the result of a send while sends are settled; its notification waits for its place in the queue.
    mutating func settleZeroCopy(_ entry: UnsafeMutablePointer<io_uring_cqe>) {
        let flags = entry.pointee.flags
        guard flags & UInt32(CL_CQE_F_NOTIFICATION) == 0 else { return }
        let record = zeroCopy.find(CompletionKey(userData: entry.pointee.user_data))
        let result = entry.pointee.res
        entry.pointee.user_data = UringOperation.settled
        let state = zeroCopy.records + record
        state.pointee.hasResult = true
        // Whether a notification follows says this flag alone, even behind an error.
        if flags & UInt32(CL_CQE_F_MORE) == 0 { state.pointee.isNotified = true }
        if result > 0 {
            counts.pointee.zeroCopySends &+= 1
            state.pointee.isCounted = true
        }
        if result < 0 || Int(result) < state.pointee.byteCount { settleFailure(state.pointee.stream, result) }
        giveBack(record)
    }

    /// The notification: nobody but us looks at the pages any more.
    mutating func completeZeroCopy(_ key: CompletionKey, _ result: Int32, _ flags: UInt32) {
        precondition(flags & UInt32(CL_CQE_F_NOTIFICATION) != 0, "a send without waiting is settled in its turn")
        let record = zeroCopy.find(key)
        zeroCopy.records[record].isNotified = true
        // IORING_NOTIF_USAGE_ZC_COPIED, the sign bit, which is set for a send that was not taken at all too.
        if result < 0, zeroCopy.records[record].isCounted { counts.pointee.zeroCopyCopied &+= 1 }
        giveBack(record)
    }

    private mutating func giveBack(_ record: Int) {
        let state = zeroCopy.records[record]
        guard state.hasResult, state.isNotified else { return }
        while let buffer = zeroCopy.takeBuffer(of: record) { buffers.release(buffer) }
        zeroCopy.remove(record)
    }

    /// Tries one on a loopback connection: a result, then a notification, and the bytes as they were.
    static func requireZeroCopy(_ features: UringFeatures, _ techniques: PortTechniques) throws(PortError) {
        guard features.contains(.silentSend), techniques.isDisjoint(with: [.submissionPolling, .sendPerPacket]) else {
            throw PortError(
                call: "io_uring zero-copy send", code: EOPNOTSUPP,
                explanation:
                    "it needs gathered sends that are done when they are submitted: go without zero-copy-send")
        }
        var bench = try PreflightBench(incremental: false)
        let answers = bench.sendsWithoutCopy(16_384)
        guard answers == [16_384] else {
            throw PortError(
                call: "io_uring zero-copy send", code: answers.first.map { $0 < 0 ? -$0 : EIO } ?? EIO,
                explanation: "this kernel does not send without a copy as Linux 6.1 does: go without zero-copy-send")
        }
    }
}
