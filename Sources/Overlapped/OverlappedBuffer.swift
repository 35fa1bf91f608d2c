// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Memory of an overlapped operation: WSABUF, with an owner.
///
/// The port holds on to the buffers of an operation until its completion, whatever the caller forgets, because the
/// kernel reads and writes them until then. The caller must not touch their bytes meanwhile.
public final class OverlappedBuffer: @unchecked Sendable {
    /// The memory; it lives as long as the buffer.
    public let bytes: UnsafeMutableRawBufferPointer

    /// Allocates `count` zero bytes.
    public init(count: Int) {
        let memory = IOMemory.allocate(byteCount: count, alignment: 16)
        bytes = UnsafeMutableRawBufferPointer(start: memory, count: count)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Copies bytes.
    public convenience init(_ source: some Collection<UInt8>) {
        self.init(count: source.count)
        bytes.copyBytes(from: source)
    }

    deinit {
        if let memory = bytes.baseAddress { IOMemory.deallocate(memory, byteCount: bytes.count) }
    }
}
