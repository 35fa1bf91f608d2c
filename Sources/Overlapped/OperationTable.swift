// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// The overlapped operations that have been started and not completed, and in which order those of one socket and
/// direction go: the first is in the kernel, the others wait.
struct OperationTable {
    /// One operation's control block: what `OVERLAPPED` is on Windows. It does not move while the kernel knows it.
    final class Record {
        let key: CompletionKey
        let descriptor: Int32
        let operation: OverlappedOperation
        let header: UnsafeMutablePointer<msghdr>
        let list: UnsafeMutablePointer<iovec>
        let address: UnsafeMutablePointer<sockaddr_storage>
        private let listCapacity: Int
        let byteCount: Int
        var done = 0
        var isCancelled = false
        var isInKernel = false

        init(_ operation: OverlappedOperation, descriptor: Int32, key: CompletionKey) {
            self.key = key
            self.descriptor = descriptor
            self.operation = operation
            header = IOMemory.allocate(msghdr.self, capacity: 1)
            header.initialize(to: msghdr())
            address = IOMemory.allocate(sockaddr_storage.self, capacity: 1)
            address.initialize(to: sockaddr_storage())
            let buffers =
                switch operation {
                case .receive(let buffers, _): buffers
                case .send(let buffers, _): buffers
                default: [OverlappedBuffer]()
                }
            listCapacity = max(1, buffers.count)
            list = IOMemory.allocate(iovec.self, capacity: listCapacity)
            for (index, buffer) in buffers.enumerated() {
                list[index] = iovec(iov_base: buffer.bytes.baseAddress, iov_len: buffer.bytes.count)
            }
            header.pointee.msg_iov = list
            header.pointee.msg_iovlen = buffers.count
            byteCount = buffers.reduce(0) { $0 + $1.bytes.count }
        }

        deinit {
            IOMemory.deallocate(header, capacity: 1)
            IOMemory.deallocate(list, capacity: listCapacity)
            IOMemory.deallocate(address, capacity: 1)
        }

        /// Makes the list name what a send has left after `count` more bytes.
        func advance(by count: Int) {
            done += count
            var rest = count
            while rest > 0, header.pointee.msg_iovlen > 0, let first = header.pointee.msg_iov {
                let step = min(rest, first.pointee.iov_len)
                first.pointee.iov_base = first.pointee.iov_base.map { $0 + step }
                first.pointee.iov_len -= step
                rest -= step
                guard first.pointee.iov_len == 0 else { break }
                header.pointee.msg_iov = first + 1
                header.pointee.msg_iovlen -= 1
            }
        }
    }

    private struct Queue: Hashable {
        let descriptor: Int32
        let direction: OperationDirection
    }

    private var records: [UInt64: Record] = [:]
    private var queues: [Queue: [Record]] = [:]

    func find(_ key: CompletionKey) -> Record? { records[key.rawValue] }

    /// The operation at the head of a queue: the one that is being carried out.
    func first(_ descriptor: Int32, _ direction: OperationDirection) -> Record? {
        queues[Queue(descriptor: descriptor, direction: direction)]?.first
    }

    /// Enters an operation. Returns it if it is the first of its queue, which then goes to the kernel.
    mutating func add(_ operation: OverlappedOperation, descriptor: Int32, key: CompletionKey) -> Record? {
        precondition(records[key.rawValue] == nil, "a key names one operation at a time")
        let record = Record(operation, descriptor: descriptor, key: key)
        records[key.rawValue] = record
        let queue = Queue(descriptor: descriptor, direction: operation.direction)
        queues[queue, default: []].append(record)
        return queues[queue]?.count == 1 ? record : nil
    }

    /// Takes a finished operation out. Returns the next of its queue.
    mutating func remove(_ record: Record) -> Record? {
        records[record.key.rawValue] = nil
        let queue = Queue(descriptor: record.descriptor, direction: record.operation.direction)
        queues[queue]?.removeFirst()
        if queues[queue]?.isEmpty == true { queues[queue] = nil }
        return queues[queue]?.first
    }
}
