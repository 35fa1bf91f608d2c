// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Synchronization

/// Descriptors put by for the time when there is none left: with one of them, who waits in an accept queue is
/// accepted, told no and let go, instead of left hanging until somebody else goes.
///
/// What is let go of is anybody's for a moment. So only one thread of the process refuses at a time, or two would take
/// each other's, and some are put by, because one that accepts may take one all the same: then it is gone until
/// somebody leaves.
public struct DescriptorReserve: ~Copyable {
    private var descriptors: [Int32] = []
    private static let count = 4
    /// Bounds a turn; who is left waits for the next.
    private static let limit = 256
    private static let isRefusing = Atomic<Bool>(false)

    /// Puts some by.
    public init() { refill() }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }

    private mutating func refill() {
        while descriptors.count < Self.count {
            let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return }
            descriptors.append(descriptor)
        }
    }

    /// Accepts whoever waits on a listener and hands them to `refuse`, one after the other. Does nothing while another
    /// thread does this: nobody is waited for, and the caller comes again.
    ///
    /// Nobody else may be accepting on `listener`, or this waits for a connection that the other has taken.
    /// - Parameter refuse: closes the descriptor.
    /// - Returns: how many that were.
    public mutating func refuseWaiting(on listener: Int32, _ refuse: (Int32) -> Void) -> Int {
        // A simulated machine's descriptors are its own, and what it does is not another's to decide.
        guard !ForeignKernel.owns(listener) else { return acceptAndRefuse(listener, refuse) }
        guard !Self.isRefusing.exchange(true, ordering: .acquiring) else { return 0 }
        defer { Self.isRefusing.store(false, ordering: .releasing) }
        return acceptAndRefuse(listener, refuse)
    }

    private mutating func acceptAndRefuse(_ listener: Int32, _ refuse: (Int32) -> Void) -> Int {
        if let descriptor = descriptors.popLast() { close(descriptor) }
        var count = 0
        while count < Self.limit {
            guard SystemCalls.isWaiting(listener) else { break }
            let accepted = SystemCalls.accept(listener)
            // Who accepts in the meantime may have been quicker.
            guard accepted >= 0 else { break }
            refuse(accepted)
            count += 1
        }
        refill()
        return count
    }
}
