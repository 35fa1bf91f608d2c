// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
@_spi(Measuring) internal import Overlapped

/// What the kernel does with a submission when it takes it.
extension SimulatedRing {
    /// Takes one entry, whose descriptor is looked up now and not before.
    func take(_ entry: io_uring_sqe) {
        switch Int(entry.opcode) {
        case Int(CL_OP_RECV): armReceive(entry)
        case Int(CL_OP_SEND), Int(CL_OP_SENDMSG): send(entry)
        case Int(CL_OP_ACCEPT): armAccept(entry)
        case Int(CL_OP_ASYNC_CANCEL): cancel(entry)
        case Int(CL_OP_CLOSE): close(entry)
        case Int(CL_OP_READ): armRead(entry)
        case Int(CL_OP_SHUTDOWN): shutdown(entry)
        case Int(CL_OP_CONNECT): disconnect(entry)
        case Int(CL_OP_FILES_UPDATE): updateTable(entry)
        default:
            machine.fail("an operation that this kernel does not know: \(entry.opcode)")
            post(entry.user_data, -EINVAL)
        }
    }

    private func socket(of entry: io_uring_sqe) -> SimulatedSocket? {
        if entry.flags & UInt8(CL_SQE_FIXED_FILE) != 0 {
            let place = Int(entry.fd)
            return table.indices.contains(place) ? table[place] : nil
        }
        guard case .socket(let socket) = machine.file(entry.fd) else { return nil }
        return socket
    }

    private func isSilent(_ entry: io_uring_sqe) -> Bool { entry.flags & UInt8(CL_SQE_CQE_SKIP_SUCCESS) != 0 }

    // MARK: Receive

    private func armReceive(_ entry: io_uring_sqe) {
        guard let socket = socket(of: entry) else { return missing(entry) }
        machine.require(socket.receiver == nil, "two receives are in flight on client \(socket.number)")
        machine.require(armed[entry.user_data] == nil, "two operations have the same user data")
        machine.require(
            entry.ioprio & UInt16(CL_RECVSEND_POLL_FIRST) == 0,
            "a receive with POLL_FIRST never tells of a reset that was there before it")
        socket.receiver = ArmedReceive(
            ring: self, userData: entry.user_data,
            isMultishot: entry.ioprio & UInt16(CL_RECV_MULTISHOT) != 0, limit: Int(entry.file_index))
        armed[entry.user_data] = .receive(socket)
        guard socket.isReadable else { return }
        // What is there is brought at once, before the next entry is taken.
        if machine.dice.chance(Self.inlineChance) { receive(socket) } else { machine.becameReadable(socket) }
    }

    /// How often in a thousand what can be done at once is done while it is submitted.
    private static let inlineChance = 700

    /// What names nothing ends. What was never open is the caller's own affair; what was open once is somebody else's
    /// next.
    private func missing(_ entry: io_uring_sqe) {
        let isDirect = entry.flags & UInt8(CL_SQE_FIXED_FILE) != 0
        let wasNeverOpen = isDirect ? emptied.contains(Int(entry.fd)) : entry.fd < ForeignKernel.firstDescriptor
        machine.require(
            wasNeverOpen, "\(OperationText.describe(entry.user_data)) names descriptor \(entry.fd), which is not open")
        post(entry.user_data, -EBADF)
    }

    // MARK: Send

    private func send(_ entry: io_uring_sqe) {
        guard let socket = socket(of: entry) else { return missing(entry) }
        machine.require(socket.sender == nil, "two sends are in flight on client \(socket.number)")
        let flags = Int32(bitPattern: entry.msg_flags)
        machine.require(flags & Int32(MSG_WAITALL) != 0, "a send without WAITALL loses bytes")
        guard flags & Int32(MSG_DONTWAIT) != 0 else { return armSend(entry, socket) }
        var total = 0
        let result = withParts(of: entry) { parts in
            for part in parts { total += part.count }
            return machine.transmit(socket, parts)
        }
        if result == total, isSilent(entry) { return }
        guard result == total || !machine.strikes(.lateFailure) else {
            return late.append((entry.user_data, Int32(truncatingIfNeeded: result)))
        }
        post(entry.user_data, Int32(truncatingIfNeeded: result))
    }

    private func withParts<Result>(
        of entry: io_uring_sqe, _ body: (UnsafeBufferPointer<IOVector>) -> Result
    ) -> Result {
        let address = UnsafeRawPointer(bitPattern: UInt(entry.addr))
        if Int(entry.opcode) == Int(CL_OP_SENDMSG), let address {
            let header = address.assumingMemoryBound(to: msghdr.self).pointee
            let list = UnsafeRawPointer(header.msg_iov)?.assumingMemoryBound(to: IOVector.self)
            return body(UnsafeBufferPointer(start: list, count: Int(header.msg_iovlen)))
        }
        if entry.ioprio & UInt16(CL_SEND_VECTORIZED) != 0 {
            let list = address?.assumingMemoryBound(to: IOVector.self)
            return body(UnsafeBufferPointer(start: list, count: Int(entry.len)))
        }
        return withUnsafePointer(to: IOVector(base: address, count: Int(entry.len))) {
            body(UnsafeBufferPointer(start: $0, count: 1))
        }
    }

    /// A send that waits for room.
    private func armSend(_ entry: io_uring_sqe, _ socket: SimulatedSocket) {
        machine.require(armed[entry.user_data] == nil, "two operations have the same user data")
        let bytes = UnsafeRawBufferPointer(
            start: UnsafeRawPointer(bitPattern: UInt(entry.addr)), count: Int(entry.len))
        socket.sender = ArmedSend(
            ring: self, userData: entry.user_data, bytes: bytes, digest: Digest.of(bytes))
        armed[entry.user_data] = .send(socket)
        goOnSending(socket)
    }

    // MARK: Accept

    private func armAccept(_ entry: io_uring_sqe) {
        guard case .listener(let listener) = machine.file(entry.fd) else { return missing(entry) }
        machine.require(listener.armed == nil, "two accepts are armed on one listener")
        listener.armed = (self, entry.user_data)
        armed[entry.user_data] = .accept(listener)
        if machine.dice.chance(Self.inlineChance) { accept(listener) } else { machine.becameReadable(listener) }
    }

    // MARK: Cancel

    private func cancel(_ entry: io_uring_sqe) {
        let target = entry.addr
        guard let operation = armed[target] else {
            machine.marks.make(.cancelMissed)
            post(entry.user_data, -ENOENT)
            return
        }
        if machine.strikes(.cancelRace) {
            // It is just being carried on: it goes on, and may end with a success, before this answer or behind it.
            machine.marks.make(.cancelTooLate)
            if machine.dice.chance(300) { carryOn(operation) }
            post(entry.user_data, armed[target] == nil && machine.dice.chance(500) ? -ENOENT : -EALREADY)
            return
        }
        machine.marks.make(.cancelFound)
        let answersFirst = machine.dice.chance(500)
        if answersFirst {
            machine.marks.make(.cancelAnsweredFirst)
            post(entry.user_data, 0)
        }
        end(operation, target)
        if !answersFirst { post(entry.user_data, 0) }
    }

    private func carryOn(_ operation: Armed) {
        switch operation {
        case .receive(let socket): receive(socket)
        case .send(let socket): goOnSending(socket)
        case .accept(let listener): accept(listener)
        }
    }

    private func end(_ operation: Armed, _ userData: UInt64) {
        disarm(userData)
        switch operation {
        case .receive(let socket):
            if socket.incoming.count > 0 { machine.marks.make(.dataAfterCancel) }
            socket.receiver = nil
            post(userData, -ECANCELED)
        case .send(let socket):
            let taken = socket.sender?.taken ?? 0
            checkSent(socket)
            socket.sender = nil
            post(userData, taken > 0 ? Int32(truncatingIfNeeded: taken) : -ECANCELED)
        case .accept(let listener):
            listener.armed = nil
            post(userData, -ECANCELED)
        }
    }

    // MARK: Close, shutdown, disconnect

    private func close(_ entry: io_uring_sqe) {
        guard entry.file_index > 0 else {
            let result = machine.closeFile(entry.fd)
            post(entry.user_data, result)
            return
        }
        let place = Int(entry.file_index) - 1
        guard table.indices.contains(place), let socket = table[place] else {
            machine.require(emptied.contains(place), "place \(place) of a ring's table is closed, and is empty")
            post(entry.user_data, -EBADF)
            return
        }
        table[place] = nil
        machine.dropReference(socket)
        post(entry.user_data, 0)
    }

    /// The kernel hands a shutdown to a thread of its own, which holds the socket: it happens later, and is told later.
    private func shutdown(_ entry: io_uring_sqe) {
        guard let socket = socket(of: entry) else { return missing(entry) }
        machine.addReference(socket)
        let (userData, how) = (entry.user_data, Int32(bitPattern: entry.len))
        machine.delegate(within: 1_000...200_000) { [self, machine] in
            let result = machine.shut(socket, how)
            machine.dropReference(socket)
            add(.post(userData: userData, result: result))
        }
    }

    /// A connect to no address: a disconnect.
    private func disconnect(_ entry: io_uring_sqe) {
        guard let socket = socket(of: entry) else { return missing(entry) }
        guard !socket.isLocal else {
            post(entry.user_data, -EINVAL)
            return
        }
        socket.endsWithReset = true
        if !isSilent(entry) { post(entry.user_data, 0) }
    }

    private func updateTable(_ entry: io_uring_sqe) {
        let result = machine.update(self, place: Int(entry.off), from: entry.addr)
        if result != 1 || !isSilent(entry) { post(entry.user_data, result) }
    }

    private func armRead(_ entry: io_uring_sqe) {
        guard case .event(let event) = machine.file(entry.fd) else { return missing(entry) }
        event.reader = (self, entry.user_data, UnsafeMutableRawPointer(bitPattern: UInt(entry.addr)))
        if event.count > 0 { add(.read(event)) }
    }
}
