// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// Wakes a port that waits, from any thread: `PostQueuedCompletionStatus` without a payload.
///
/// A doorbell may ring for nothing, and a ring may be late; what it announces lies in a mailbox, never in it. It must
/// not be rung after its port is gone: descriptors are reused at once.
public struct Doorbell: Sendable {
    enum Mechanism: Sendable {
        /// IORING_REGISTER_SEND_MSG_RING (Linux 6.13): a completion in the ring of this descriptor.
        case ring(Int32)
        /// eventfd(2).
        case event(Int32)
    }

    let mechanism: Mechanism

    /// The doorbell of a port that never sleeps: ringing it does nothing.
    @_spi(Measuring)
    public static let mute = Doorbell(mechanism: .event(-1))

    /// Wakes the port. Never waits.
    public func ring() {
        switch mechanism {
        case .ring(let descriptor):
            var entry = io_uring_sqe()
            entry.opcode = UInt8(CL_OP_MSG_RING)
            entry.fd = descriptor
            entry.off = UringOperation.doorbell
            // EBADFD: the ring is not enabled yet, and its worker looks at its mailboxes before it first sleeps.
            let operation = UInt32(CL_REGISTER_SEND_MSG_RING)
            _ = withUnsafePointer(to: entry) {
                // The ring that is rung stands in the submission; the kernel is asked through no ring of its own.
                ForeignKernel.owns(descriptor)
                    ? SystemCalls.register(descriptor, operation, $0, 1) : cl_register(-1, operation, $0, 1)
            }
        case .event(let descriptor):
            SystemCalls.signal(descriptor)
        }
    }
}
