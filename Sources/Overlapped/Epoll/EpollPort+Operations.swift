// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// A descriptor whose operations wait for readiness, and the file status flags that it had before.
struct WatchedDescriptor {
    let flags: Int32

    /// Gives the descriptor back to its owner as it was.
    func restore(_ descriptor: Int32) { _ = cl_set_descriptor_flags(descriptor, flags) }
}

/// Overlapped operations over epoll: the first of each socket and direction is tried whenever the socket is ready, the
/// others wait behind it in order.
extension EpollPort {
    /// Starts an operation on a socket of the caller's, ended by `operation` under `key`.
    public mutating func start(_ operation: OverlappedOperation, on descriptor: Int32, key: CompletionKey) {
        guard let record = operations.add(operation, descriptor: descriptor, key: key) else { return }
        watch(descriptor)
        advance(record)
        unwatchIfIdle(descriptor)
    }

    /// Asks for the end of an operation; its completion says how it ended.
    public mutating func cancelOperation(_ key: CompletionKey) {
        guard let record = operations.find(key), !record.isCancelled else { return }
        record.isCancelled = true
        // One that waits behind others completes in its turn, so that the order holds.
        guard operations.first(record.descriptor, record.operation.direction) === record else { return }
        advance(record)
        unwatchIfIdle(record.descriptor)
    }

    /// A watched descriptor has become ready for something.
    mutating func advanceOperations(_ descriptor: Int32) {
        for direction in [OperationDirection.incoming, .outgoing] {
            if let record = operations.first(descriptor, direction) { advance(record) }
        }
        unwatchIfIdle(descriptor)
    }

    /// Carries out an operation and those behind it as far as they go without waiting.
    private mutating func advance(_ first: OperationTable.Record) {
        var next: OperationTable.Record? = first
        while let record = next, let result = attempt(record) {
            pending.append(Completion(.operation, record.key, result: result))
            next = operations.remove(record)
        }
    }

    /// Tries an operation. Returns its result, nil when it has to wait.
    private mutating func attempt(_ record: OperationTable.Record) -> Int32? {
        if record.isCancelled { return record.done > 0 ? Int32(clamping: record.done) : -ECANCELED }
        switch record.operation {
        case .receive(_, let flags):
            return flags.isLegal ? receive(record, flags) : -EOPNOTSUPP
        case .send(_, let flags):
            return flags.isLegal ? send(record, flags) : -EOPNOTSUPP
        case .accept:
            return result { cl_accept(record.descriptor) }
        case .connect(let address):
            return connect(record, to: address)
        case .disconnect:
            return result { shutdown(record.descriptor, Int32(SHUT_WR)) }
        }
    }

    private mutating func receive(_ record: OperationTable.Record, _ flags: MessageFlags) -> Int32? {
        let message = Int32(MSG_DONTWAIT) | flags.system
        while true {
            guard let count = result({ Int32(clamping: recvmsg(record.descriptor, record.header, message)) })
            else { return nil }
            guard count > 0 else { return record.done > 0 ? Int32(clamping: record.done) : count }
            guard flags.contains(.waitAll) else { return count }
            record.advance(by: Int(count))
            if record.done >= record.byteCount { return Int32(clamping: record.done) }
        }
    }

    private mutating func send(_ record: OperationTable.Record, _ flags: MessageFlags) -> Int32? {
        let message = Int32(MSG_DONTWAIT | MSG_NOSIGNAL) | flags.system
        while true {
            guard let count = result({ Int32(clamping: sendmsg(record.descriptor, record.header, message)) })
            else { return nil }
            guard count >= 0 else { return record.done > 0 ? Int32(clamping: record.done) : count }
            record.advance(by: Int(count))
            if record.done >= record.byteCount || count == 0 { return Int32(clamping: record.done) }
        }
    }

    private mutating func connect(_ record: OperationTable.Record, to address: SocketAddress) -> Int32? {
        guard record.isInKernel else {
            record.isInKernel = true
            let begun = result { address.withSockaddr { Glibc.connect(record.descriptor, $0, $1) } }
            return begun == -EINPROGRESS ? nil : begun
        }
        // An event need not mean that the connection stands.
        var waiting = pollfd(fd: record.descriptor, events: Int16(POLLOUT), revents: 0)
        counts.pointee.systemCalls &+= 1
        guard poll(&waiting, 1, 0) == 1 else { return nil }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        counts.pointee.systemCalls &+= 1
        let asked = getsockopt(record.descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        return asked == 0 ? -code : -errno
    }

    /// A call's result or minus its errno, nil when it would have to wait.
    private mutating func result(_ call: () -> Int32) -> Int32? {
        while true {
            counts.pointee.systemCalls &+= 1
            counts.pointee.submissions &+= 1
            let result = call()
            if result >= 0 { return result }
            switch errno {
            case EINTR: continue
            case EAGAIN: return nil
            default:
                if errno == EFAULT { counts.pointee.noteFault() }
                return -errno
            }
        }
    }

    // MARK: Watching

    /// Watches a descriptor for as long as it has operations. Accepting and connecting know no flag that spares the
    /// wait, so that the descriptor itself must not block.
    private mutating func watch(_ descriptor: Int32) {
        guard watched[descriptor] == nil else { return }
        let flags = cl_descriptor_flags(descriptor)
        watched[descriptor] = WatchedDescriptor(flags: flags)
        _ = cl_set_nonblocking(descriptor)
        counts.pointee.systemCalls &+= 1
        _ = set.add(
            descriptor, EpollSet.stream,
            data: UInt64(UInt32(bitPattern: descriptor)) << 8 | EpollSource.operations)
    }

    private mutating func unwatchIfIdle(_ descriptor: Int32) {
        guard operations.first(descriptor, .incoming) == nil, operations.first(descriptor, .outgoing) == nil,
            let watch = watched.removeValue(forKey: descriptor)
        else { return }
        counts.pointee.systemCalls &+= 1
        set.remove(descriptor)
        watch.restore(descriptor)
    }
}
