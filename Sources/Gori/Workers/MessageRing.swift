// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A bounded queue with one producing and one consuming thread: one direction of one pair of workers (rule M6).
///
/// Never waits. `push` says no when it is full, and the consumer is told that somebody waits for room.
final class MessageRing: @unchecked Sendable {
    private let slots: UnsafeMutablePointer<Message>
    private let mask: UInt32
    // Each index on a cache line of its own: they are written by different threads.
    private let head: UnsafeMutablePointer<Atomic<UInt32>>
    private let tail: UnsafeMutablePointer<Atomic<UInt32>>
    private let foundFull: UnsafeMutablePointer<Atomic<Bool>>
    private let memory: UnsafeMutableRawPointer

    /// - Parameter capacity: a power of two.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0)
        slots = .allocate(capacity: capacity)
        mask = UInt32(capacity - 1)
        memory = .allocate(byteCount: 384, alignment: 128)
        head = memory.bindMemory(to: Atomic<UInt32>.self, capacity: 1)
        tail = (memory + 128).bindMemory(to: Atomic<UInt32>.self, capacity: 1)
        foundFull = (memory + 256).bindMemory(to: Atomic<Bool>.self, capacity: 1)
        head.initialize(to: Atomic(0))
        tail.initialize(to: Atomic(0))
        foundFull.initialize(to: Atomic(false))
    }

    deinit {
        slots.deallocate()
        memory.deallocate()
    }

    /// Called by the producer.
    func push(_ message: Message) -> Bool {
        let end = tail.pointee.load(ordering: .relaxed)
        if end &- head.pointee.load(ordering: .acquiring) > mask {
            foundFull.pointee.store(true, ordering: .sequentiallyConsistent)
            // The consumer may have emptied the ring between the two loads and would then tell nobody.
            guard end &- head.pointee.load(ordering: .sequentiallyConsistent) <= mask else { return false }
        }
        slots[Int(end & mask)] = message
        tail.pointee.store(end &+ 1, ordering: .releasing)
        return true
    }

    /// Called by the consumer.
    func pop() -> Message? {
        let start = head.pointee.load(ordering: .relaxed)
        guard start != tail.pointee.load(ordering: .acquiring) else { return nil }
        let message = slots[Int(start & mask)]
        head.pointee.store(start &+ 1, ordering: .sequentiallyConsistent)
        return message
    }

    /// Called by the consumer.
    ///
    /// Ordered behind what the consumer has said before: that it is about to sleep.
    var isEmpty: Bool {
        head.pointee.load(ordering: .relaxed) == tail.pointee.load(ordering: .sequentiallyConsistent)
    }

    /// Called by the consumer after it has taken something: whether the producer was waiting for room.
    func takeFoundFull() -> Bool {
        // Ordered behind the store to `head`, or each side could miss the other's.
        guard foundFull.pointee.load(ordering: .sequentiallyConsistent) else { return false }
        return foundFull.pointee.exchange(false, ordering: .sequentiallyConsistent)
    }
}
