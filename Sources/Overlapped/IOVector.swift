// SPDX-License-Identifier: Apache-2.0

/// One element of a scatter/gather list: WSABUF on Windows, `struct iovec` here, and laid out like it.
public struct IOVector: BitwiseCopyable, @unchecked Sendable {
    /// The first byte.
    public var base: UnsafeRawPointer?
    /// Bytes.
    public var count: Int

    /// Names memory; owns nothing.
    @inlinable
    public init(base: UnsafeRawPointer?, count: Int) {
        self.base = base
        self.count = count
    }

    /// Names the memory of a buffer.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer) {
        base = bytes.baseAddress
        count = bytes.count
    }

    /// The same as a buffer.
    @inlinable
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
}
