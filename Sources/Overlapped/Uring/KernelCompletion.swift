// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// What the kernel says in one entry of the completion queue (`struct io_uring_cqe`), taken out of it.
struct KernelCompletion: BitwiseCopyable {
    let userData: UInt64
    let result: Int32
    let flags: UInt32

    @inline(__always)
    init(_ entry: UnsafePointer<io_uring_cqe>) {
        userData = entry.pointee.user_data
        result = entry.pointee.res
        flags = entry.pointee.flags
    }
}
