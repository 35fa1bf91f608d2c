// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// One descriptor put by for the time when there is none left: with it, who waits in an accept queue is accepted, told
/// no and let go, instead of left hanging until somebody else goes.
public struct DescriptorReserve: ~Copyable {
    private var descriptor: Int32
    /// Bounds a turn; who is left waits for the next.
    private static let limit = 256

    /// Puts one by.
    public init() { descriptor = Self.take() }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    private static func take() -> Int32 { open("/dev/null", O_RDONLY | O_CLOEXEC) }

    /// Accepts whoever waits on a listener and hands them to `refuse`, one after the other.
    ///
    /// Nobody else may be accepting on `listener`, or this waits for a connection that the other has taken.
    /// - Parameter refuse: closes the descriptor.
    /// - Returns: how many that were.
    public mutating func refuseWaiting(on listener: Int32, _ refuse: (Int32) -> Void) -> Int {
        if descriptor >= 0 { close(descriptor) }
        var count = 0
        while count < Self.limit {
            guard SystemCalls.isWaiting(listener) else { break }
            let accepted = SystemCalls.accept(listener)
            // Another thread may have been quicker to take what was put by.
            guard accepted >= 0 else { break }
            refuse(accepted)
            count += 1
        }
        descriptor = Self.take()
        return count
    }
}
