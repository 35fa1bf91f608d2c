// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Sending: silent and inside the submission where that works, tracked for what the kernel did not take (rule M1).
extension UringPort {
    /// Never without WAITALL: a short send would then count as a success and lose bytes for ever.
    static let silentFlags = UInt32(MSG_WAITALL | MSG_DONTWAIT | MSG_NOSIGNAL)
    private static let trackedFlags = UInt32(MSG_WAITALL | MSG_NOSIGNAL)

    /// Sends a gather list, once per stream and turn.
    public mutating func send(_ key: CompletionKey, _ parts: UnsafeBufferPointer<IOVector>) {
        guard let stream = find(key), stream.pointee.phase == .open, !stream.pointee.ended, !parts.isEmpty
        else { return }
        precondition(stream.pointee.sendTurn != turn && !stream.pointee.trackedInFlight, "one send in flight a stream")
        precondition(parts.count <= 64, "a gather list has at most 64 parts")
        let list = keep(parts, of: stream)
        stream.pointee.sendTurn = turn
        stream.pointee.parts = list
        stream.pointee.partCount = UInt8(truncatingIfNeeded: parts.count)
        guard sendsPlainly else { return sendOtherwise(stream, key, list, parts.count) }
        queueSend(stream, key, list, parts.count)
    }

    /// Without a copy, each part by itself, or by a system call.
    @inline(never)
    private mutating func sendOtherwise(
        _ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey, _ list: UnsafeMutablePointer<iovec>,
        _ count: Int
    ) {
        if zeroCopy.isOn, sendWithoutCopy(stream, list, count, of: key) { return }
        guard !techniques.contains(.sendPerPacket) else { return sendParts(stream, key) }
        guard queuesSends else { return sendNow(stream, key, list, count) }
        queueSend(stream, key, list, count)
    }

    /// Keeps a list until the send is settled: one part, as there is as a rule, with the stream.
    @inline(__always)
    private mutating func keep(
        _ parts: UnsafeBufferPointer<IOVector>, of stream: UnsafeMutablePointer<StreamState>
    ) -> UnsafeMutablePointer<iovec> {
        guard parts.count == 1 else { return arena.copy(parts) }
        let part = parts[0]
        stream.pointee.onlyPart = iovec(iov_base: UnsafeMutableRawPointer(mutating: part.base), iov_len: part.count)
        // The table of streams never moves.
        return withUnsafeMutablePointer(to: &stream.pointee.onlyPart) { $0 }
    }

    /// Queues a silent send of so many parts.
    @inline(__always)
    mutating func queueSend(
        _ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey, _ list: UnsafeMutablePointer<iovec>,
        _ count: Int
    ) {
        silentSendsQueued &+= 1
        let sqe = entry()
        sqe.pointee.fd = stream.pointee.file
        sqe.pointee.flags = sendFlags | stream.pointee.fileFlags
        sqe.pointee.user_data = key.rawValue | UringOperation.silentSend
        cl_sqe_set_message_flags(sqe, Self.silentFlags)
        if count == 1 {
            sqe.pointee.opcode = UInt8(CL_OP_SEND)
            sqe.pointee.addr = UInt64(UInt(bitPattern: list.pointee.iov_base))
            sqe.pointee.len = UInt32(truncatingIfNeeded: list.pointee.iov_len)
        } else if features.contains(.vectorizedSend) {
            sqe.pointee.opcode = UInt8(CL_OP_SEND)
            sqe.pointee.ioprio = UInt16(CL_SEND_VECTORIZED)
            sqe.pointee.addr = UInt64(UInt(bitPattern: list))
            sqe.pointee.len = UInt32(truncatingIfNeeded: count)
        } else {
            sqe.pointee.opcode = UInt8(CL_OP_SENDMSG)
            sqe.pointee.addr = UInt64(UInt(bitPattern: arena.header(of: list, count: count)))
            sqe.pointee.len = 1
        }
    }

    /// Where silent sends do not behave, the system call does: same rule, one call for each send.
    private mutating func sendNow(
        _ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey, _ list: UnsafeMutablePointer<iovec>,
        _ count: Int
    ) {
        let header = arena.header(of: list, count: count)
        counts.pointee.systemCalls &+= 1
        let sent = SystemCalls.send(stream.pointee.descriptor, header)
        var total = 0
        for index in 0..<count { total &+= list[index].iov_len }
        guard sent != total else { return }
        if sent < 0, errno == EFAULT { counts.pointee.noteFault() }
        settleFailure(key, sent < 0 ? -errno : Int32(truncatingIfNeeded: sent))
    }

    /// Calls `body` with the parts of a `blocked` send that the kernel did not take whole.
    public mutating func withUnsent(
        _ blocked: Completion, _ body: (_ part: UnsafeRawBufferPointer, _ taken: Int) -> Void
    ) {
        guard let stream = find(blocked.key), let parts = stream.pointee.parts else { return }
        var skip = Int(blocked.result)
        for index in 0..<Int(stream.pointee.partCount) {
            let bytes = UnsafeRawBufferPointer(start: parts[index].iov_base, count: parts[index].iov_len)
            if skip >= bytes.count {
                skip &-= bytes.count
                continue
            }
            body(bytes, skip)
            skip = 0
        }
    }

    /// Sends all of `bytes`, ended by `drained`.
    public mutating func sendTracked(_ key: CompletionKey, _ bytes: UnsafeRawBufferPointer) {
        guard let stream = find(key), stream.pointee.phase == .open, !stream.pointee.ended else { return }
        precondition(stream.pointee.sendTurn != turn && !stream.pointee.trackedInFlight, "one send in flight a stream")
        stream.pointee.tracked = bytes.baseAddress
        stream.pointee.trackedCount = bytes.count
        stream.pointee.trackedInFlight = true
        submitTracked(stream, key)
    }

    private mutating func submitTracked(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        let sqe = entry()
        sqe.pointee.opcode = UInt8(CL_OP_SEND)
        sqe.pointee.fd = stream.pointee.file
        sqe.pointee.flags = stream.pointee.fileFlags
        sqe.pointee.addr = UInt64(UInt(bitPattern: stream.pointee.tracked))
        sqe.pointee.len = UInt32(truncatingIfNeeded: min(stream.pointee.trackedCount, 1 << 30))
        sqe.pointee.user_data = key.rawValue | UringOperation.trackedSend
        cl_sqe_set_message_flags(sqe, Self.trackedFlags)
    }

    mutating func completeTrackedSend(_ key: CompletionKey, _ result: Int32) -> Completion? {
        guard let stream = find(key) else {
            counts.pointee.stale &+= 1
            return nil
        }
        if stream.pointee.phase == .open, !stream.pointee.ended {
            let sent = Int(max(result, 0))
            if sent < stream.pointee.trackedCount, result > 0 || result == -EAGAIN || result == -EINTR {
                stream.pointee.tracked = stream.pointee.tracked.map { $0 + sent }
                stream.pointee.trackedCount &-= sent
                counts.pointee.sendsContinued &+= 1
                submitTracked(stream, key)
                return nil
            }
        }
        stream.pointee.trackedInFlight = false
        guard stream.pointee.phase == .open else {
            advanceClose(stream, key)
            return nil
        }
        return result < 0 ? fail(stream, key, -result) : Completion(.drained, key)
    }

    /// Turns the failures of silent sends into `blocked` and `ended`, before anything else of the queue is seen.
    ///
    /// A failure need not stand first in the queue, so all of it is read.
    @inline(__always)
    mutating func collectFailedSends() {
        guard silentSendsQueued > 0 else { return }
        var index = head
        while index != tail {
            // As a rule there is none to find: all that is done for every turn stands here.
            let operation = ring.completion(index).pointee.user_data & 0xFF
            if operation == UringOperation.silentSend || operation == UringOperation.zeroCopySend {
                return readForFailedSends(from: index)
            }
            #if GORI_CANARIES
                if Canary.sings(.memory) { return }
            #endif
            index &+= 1
        }
    }

    @inline(never)
    private mutating func readForFailedSends(from first: UInt32) {
        var index = first
        while index != tail {
            let entry = ring.completion(index)
            index &+= 1
            #if GORI_CANARIES
                if Canary.sings(.memory), entry.pointee.user_data & 0xFF != UringOperation.silentSend { return }
            #endif
            if zeroCopy.isOn, entry.pointee.user_data & 0xFF == UringOperation.zeroCopySend {
                settleZeroCopy(entry)
                continue
            }
            guard entry.pointee.user_data & 0xFF == UringOperation.silentSend else { continue }
            let key = CompletionKey(userData: entry.pointee.user_data)
            entry.pointee.user_data = UringOperation.settled
            if ring.isPolled, isWhole(key, entry.pointee.res) { continue }
            settleFailure(key, entry.pointee.res)
        }
    }

    /// A send that says how it ended has. Returns whether it was taken whole.
    private mutating func isWhole(_ key: CompletionKey, _ result: Int32) -> Bool {
        silentSendsQueued &-= 1
        guard let stream = find(key), let parts = stream.pointee.parts, result >= 0 else { return false }
        let last = Int(stream.pointee.partCount)
        let queued = Int(stream.pointee.partsQueued)
        var asked = 0
        let range = techniques.contains(.sendPerPacket) ? queued &- 1..<queued : 0..<last
        for index in range { asked &+= parts[index].iov_len }
        return asked == Int(result)
    }

    mutating func settleFailure(_ key: CompletionKey, _ result: Int32) {
        guard let stream = find(key), stream.pointee.phase == .open else { return }
        counts.pointee.blockedSends &+= 1
        stream.pointee.partsQueued = stream.pointee.partCount
        switch result {
        case 0..., -EAGAIN, -ENOBUFS, -ENOMEM, -EINTR:
            let taken = Int32(truncatingIfNeeded: stream.pointee.bytesBefore)
            failed.append(Completion(.blocked, key, result: taken &+ max(result, 0)))
        default:
            if let end = fail(stream, key, -result) { endings.append(end) }
        }
    }

    #if GORI_CANARIES
        /// What a port makes of a failed send that it meets among other completions, when it thinks all is settled.
        mutating func failedSendMetLate(_ key: CompletionKey, _ result: Int32) -> Completion? {
            settleFailure(key, result)
            return failed.popLast() ?? endings.popLast()
        }
    #endif
}
