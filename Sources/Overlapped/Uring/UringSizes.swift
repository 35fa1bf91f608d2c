// SPDX-License-Identifier: Apache-2.0

/// How large the rings of a port are. The defaults hold for every server; small ones show what happens when they are
/// full.
public struct UringSizes: Sendable, Hashable {
    /// Entries of the submission queue, rounded up to a power of two. When it is full it is submitted early.
    public var submissions: UInt32 = 1_024
    /// Entries of the completion queue, rounded up to a power of two, not below `submissions`. What does not fit is
    /// kept by the kernel and costs a further system call.
    public var completions: UInt32 = 16_384
    /// Receive buffers: a power of two from 4 to 1,024; 0 chooses, 64 that fill up piece by piece or 1,024 plain ones.
    public var buffers = 0
    /// Bytes of each receive buffer, a multiple of 4,096 up to 1 MiB; 0 chooses, 64 KiB or 4 KiB. All of them must
    /// fit in 1 GiB.
    public var bufferSize = 0
    /// Sends of so many bytes or more go without a copy, with `PortTechniques.zeroCopySend`. Below some pages, looking
    /// them up and a second completion cost more than the copy that is spared: others found the limit between 3 and
    /// 16 KiB, and here nobody shall lose by it.
    public var zeroCopyThreshold = 16_384

    /// The defaults.
    public init() {}
}
