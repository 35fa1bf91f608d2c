// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// What a kernel was asked and what it answered, in shapes that a real one's can be compared with.
final class KernelTrace {
    func submitted(_ ring: SimulatedRing, _ entry: io_uring_sqe) {}
    func completed(_ ring: SimulatedRing, _ userData: UInt64, _ result: Int32, _ flags: UInt32) {}
}
