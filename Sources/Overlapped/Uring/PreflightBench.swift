// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// A small ring and a loopback connection on which `UringPreflight` tries things. Nothing of it waits for the network:
/// what one end of a loopback connection has sent is in the other end's buffer when the call returns, or very soon.
struct PreflightBench: ~Copyable {
    var ring: UringRing
    let buffers: BufferRing
    /// What submissions name: a descriptor, or a place in the ring's table when `nearFlags` says so.
    private(set) var nearFile: Int32
    private(set) var nearFlags: UInt8 = 0
    private let near: Int32
    private let far: Int32
    /// The errno of the last enter that failed: a filter may allow the set-up and deny the rest.
    private(set) var enterFailure: Int32?

    init(incremental: Bool) throws(PortError) {
        var ring = try UringRing(sqEntries: 8, cqEntries: 64)
        try ring.enable()
        let buffers = try BufferRing(incremental: incremental, ring: ring)
        let (near, far) = try Self.connection()
        self.ring = ring
        self.buffers = buffers
        self.near = near
        nearFile = near
        self.far = far
    }

    private static func connection() throws(PortError) -> (near: Int32, far: Int32) {
        let listener = try Sockets.listen(on: SocketAddress(bytes: [127, 0, 0, 1], port: 0), sharesPort: false)
        defer { Sockets.close(listener) }
        guard let address = SocketAddress(localOf: listener) else {
            throw PortError(call: "getsockname", code: errno)
        }
        let far = try Sockets.connect(to: address)
        let near = cl_accept(listener)
        guard near >= 0 else {
            Sockets.close(far)
            throw PortError(call: "accept", code: errno)
        }
        // A kernel that loses the bytes of a trial must not hang the start of the server.
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        _ = setsockopt(far, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return (near, far)
    }

    deinit {
        Sockets.close(near)
        Sockets.close(far)
    }

    /// Arms one receive, sends pieces of these sizes one after the other, and returns what completed.
    mutating func exchange(bytes: [Int], multishot: Bool, limit: UInt32) -> [io_uring_cqe] {
        let sqe = ring.nextEntry()
        sqe.pointee.opcode = UInt8(CL_OP_RECV)
        sqe.pointee.fd = nearFile
        sqe.pointee.flags = UInt8(CL_SQE_BUFFER_SELECT) | nearFlags
        sqe.pointee.ioprio = UInt16(CL_RECVSEND_POLL_FIRST) | (multishot ? UInt16(CL_RECV_MULTISHOT) : 0)
        sqe.pointee.user_data = UringOperation.receive
        cl_sqe_set_buffer_group(sqe, BufferRing.group)
        if limit > 0 { cl_sqe_set_optional_length(sqe, limit) }
        var received = completions()
        for count in bytes {
            let piece = [UInt8](repeating: 1, count: count)
            guard Glibc.send(far, piece, count, Int32(MSG_NOSIGNAL)) == count else { return received }
            received += completions(atLeast: 1)
        }
        return received
    }

    /// Submits, and returns what has completed, waiting at most 100 ms for `minimum` completions.
    mutating func completions(atLeast minimum: UInt32 = 0) -> [io_uring_cqe] {
        var timespec = __kernel_timespec(tv_sec: 0, tv_nsec: 100_000_000)
        var argument = cl_wait_argument()
        let flags = UInt32(CL_ENTER_GETEVENTS) | UInt32(CL_ENTER_EXT_ARG)
        let result = withUnsafePointer(to: &timespec) { time in
            argument.timespec = UInt64(UInt(bitPattern: time))
            return ring.enter(
                submit: ring.queued, wait: minimum, flags: flags, argument: &argument,
                size: MemoryLayout<cl_wait_argument>.size)
        }
        if result < 0, result != -ETIME, result != -EINTR { enterFailure = -result }
        var found: [io_uring_cqe] = []
        var head = ring.completionHead
        while head != ring.completionTail {
            found.append(ring.completion(head).pointee)
            head &+= 1
        }
        ring.releaseCompletions(upTo: head)
        return found
    }

    /// Waits with an absolute deadline; returns what the kernel returned.
    mutating func waitUntil(nanoseconds: Int64) -> Int32 {
        var timespec = __kernel_timespec(tv_sec: 0, tv_nsec: nanoseconds)
        var argument = cl_wait_argument()
        let flags = UInt32(CL_ENTER_GETEVENTS) | UInt32(CL_ENTER_EXT_ARG) | UInt32(CL_ENTER_ABS_TIMER)
        return withUnsafePointer(to: &timespec) { time in
            argument.timespec = UInt64(UInt(bitPattern: time))
            return ring.enter(
                submit: 0, wait: 1, flags: flags, argument: &argument, size: MemoryLayout<cl_wait_argument>.size)
        }
    }

    mutating func submitSilentSend(_ address: UInt64, _ length: UInt32, vectorized: Bool) {
        let sqe = ring.nextEntry()
        sqe.pointee.opcode = UInt8(CL_OP_SEND)
        sqe.pointee.fd = nearFile
        sqe.pointee.addr = address
        sqe.pointee.len = length
        sqe.pointee.flags = UInt8(CL_SQE_CQE_SKIP_SUCCESS) | nearFlags
        sqe.pointee.ioprio = vectorized ? UInt16(CL_SEND_VECTORIZED) : 0
        sqe.pointee.user_data = UringOperation.silentSend
        cl_sqe_set_message_flags(sqe, UInt32(MSG_WAITALL | MSG_DONTWAIT | MSG_NOSIGNAL))
    }

    /// Sends so many bytes without a copy. Returns the results, or none when the bytes did not arrive as they were or
    /// no notification came.
    mutating func sendsWithoutCopy(_ count: Int) -> [Int32] {
        let bytes = [UInt8](repeating: 5, count: count)
        return bytes.withUnsafeBytes { memory in
            let sqe = ring.nextEntry()
            sqe.pointee.opcode = UInt8(CL_OP_SEND_ZC)
            sqe.pointee.fd = nearFile
            sqe.pointee.addr = UInt64(UInt(bitPattern: memory.baseAddress))
            sqe.pointee.len = UInt32(truncatingIfNeeded: count)
            sqe.pointee.ioprio = UInt16(CL_SEND_ZC_REPORT_USAGE)
            sqe.pointee.user_data = UringOperation.zeroCopySend
            cl_sqe_set_message_flags(sqe, UInt32(MSG_WAITALL | MSG_DONTWAIT | MSG_NOSIGNAL))
            var answers = completions()
            let results = answers.filter { $0.flags & UInt32(CL_CQE_F_NOTIFICATION) == 0 }
            guard results.allSatisfy({ $0.res == Int32(clamping: count) }) else { return results.map(\.res) }
            guard peerReads(count) == bytes else { return [] }
            for _ in 0..<20 where answers.count < 2 { answers += completions(atLeast: 1) }
            return answers.count == 2 ? results.map(\.res) : []
        }
    }

    /// Receives so many bytes that came at once, by bundles. Returns 0 when a completion spanned several buffers and
    /// all bytes lie in them in order, else an errno.
    mutating func receivesBundle(_ count: Int) -> Int32 {
        let sqe = ring.nextEntry()
        sqe.pointee.opcode = UInt8(CL_OP_RECV)
        sqe.pointee.fd = nearFile
        sqe.pointee.flags = UInt8(CL_SQE_BUFFER_SELECT) | nearFlags
        sqe.pointee.ioprio = UInt16(CL_RECVSEND_POLL_FIRST | CL_RECV_MULTISHOT | CL_RECVSEND_BUNDLE)
        sqe.pointee.user_data = UringOperation.receive
        cl_sqe_set_buffer_group(sqe, BufferRing.group)
        if let refused = completions().first { return refused.res < 0 ? -refused.res : EIO }
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 251) }
        guard Glibc.send(far, bytes, count, Int32(MSG_NOSIGNAL)) == count else { return EIO }
        var isBundled = false
        var taken = 0
        for _ in 0..<20 where taken < count {
            for entry in completions(atLeast: 1) {
                guard entry.res > 0 else { return entry.res < 0 ? -entry.res : EIO }
                let got = Int(entry.res)
                // The buffers of a new ring stand in it in the order in which they lie.
                let start = Int(entry.flags >> 16) * buffers.bufferSize
                guard taken + got <= count, start + got <= buffers.bufferSize * buffers.bufferCount else { return EIO }
                cl_show(buffers.memory + start, got)
                let piece = UnsafeRawBufferPointer(start: buffers.memory + start, count: got)
                guard piece.elementsEqual(bytes[taken..<taken + got]) else { return EIO }
                isBundled = isBundled || got > buffers.bufferSize
                taken += got
            }
        }
        return taken == count && isBundled ? 0 : EOPNOTSUPP
    }

    /// Gives the ring a table.
    func makeTable() -> Bool { ring.registerTable(4) == 0 }

    /// Has a submission put a descriptor into a place of the table, or empty it with -1. Returns whether that was done
    /// in silence.
    private mutating func update(_ place: UInt64, with descriptor: Int32) -> Bool {
        withUnsafePointer(to: descriptor) {
            let sqe = ring.nextEntry()
            sqe.pointee.opcode = UInt8(CL_OP_FILES_UPDATE)
            sqe.pointee.flags = UInt8(CL_SQE_CQE_SKIP_SUCCESS)
            sqe.pointee.fd = -1
            sqe.pointee.addr = UInt64(UInt(bitPattern: $0))
            sqe.pointee.len = 1
            sqe.pointee.off = place
            sqe.pointee.user_data = UringOperation.filesUpdate
            return completions().isEmpty
        }
    }

    /// Puts this end into the table; its descriptor stays.
    mutating func register(at place: Int32) -> Bool {
        guard update(UInt64(place), with: near) else { return false }
        nearFile = place
        nearFlags = UInt8(CL_SQE_FIXED_FILE)
        return true
    }

    /// Sends over another connection by a place of the table, and ends it, while a receive of this one is in flight.
    /// Returns whether the other's peer has got the bytes and the end.
    mutating func otherEndsWhileThisReceives(at place: Int32) -> Bool {
        guard let other = try? Self.connection() else { return false }
        defer { Sockets.close(other.far) }
        let (file, flags) = (nearFile, nearFlags)
        defer { (nearFile, nearFlags) = (file, flags) }
        guard update(UInt64(place), with: other.near) else {
            Sockets.close(other.near)
            return false
        }
        (nearFile, nearFlags) = (place, UInt8(CL_SQE_FIXED_FILE))
        let bytes: [UInt8] = [1, 2, 3]
        let isSent = bytes.withUnsafeBytes {
            submitSilentSend(UInt64(UInt(bitPattern: $0.baseAddress)), 3, vectorized: false)
            return completions().isEmpty
        }
        let isEmptied = update(UInt64(place), with: -1)
        Sockets.close(other.near)
        return isSent && isEmptied && Self.reads(3, from: other.far) == bytes && Self.readsEnd(of: other.far)
    }

    /// Moves this end into a table of the ring.
    mutating func makeDirect() -> Bool {
        guard makeTable(), ring.install(near, at: 3) else { return false }
        nearFile = 3
        nearFlags = UInt8(CL_SQE_FIXED_FILE)
        return true
    }

    /// Ends this direction by a submission, which a worker thread of the kernel carries out: seconds on a busy machine.
    mutating func shutsDown() -> Bool {
        let sqe = ring.nextEntry()
        sqe.pointee.opcode = UInt8(CL_OP_SHUTDOWN)
        sqe.pointee.fd = nearFile
        sqe.pointee.flags = nearFlags
        sqe.pointee.len = UInt32(SHUT_WR)
        sqe.pointee.user_data = UringOperation.shutdown
        for _ in 0..<20 {
            let done = completions(atLeast: 1).filter { $0.user_data == UringOperation.shutdown }
            if let first = done.first { return first.res == 0 }
        }
        return false
    }

    func peerReadsEnd() -> Bool { Self.readsEnd(of: far) }

    private static func readsEnd(of far: Int32) -> Bool {
        var byte: UInt8 = 0
        while true {
            let got = recv(far, &byte, 1, 0)
            if got < 0, errno == EINTR { continue }
            return got == 0
        }
    }

    func shrinkSendBuffer() { Sockets.setOption(near, SOL_SOCKET, SO_SNDBUF, 4_096) }

    func peerReads(_ count: Int) -> [UInt8] { Self.reads(count, from: far) }

    private static func reads(_ count: Int, from far: Int32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        // Taking down the ring of an earlier trial may interrupt the call.
        while got < count {
            let more = bytes.withUnsafeMutableBytes { recv(far, $0.baseAddress.map { $0 + got }, count - got, 0) }
            if more < 0, errno == EINTR { continue }
            guard more > 0 else { return [] }
            got += more
        }
        return bytes
    }
}
