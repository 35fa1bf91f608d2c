// SPDX-License-Identifier: Apache-2.0

/// Bytes in, bytes out, in order: what lies in a socket's buffer.
struct ByteQueue: ~Copyable {
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 16)
    private var head = 0
    private(set) var count = 0

    deinit { memory.deallocate() }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        if count + bytes.count > memory.count { grow(to: count + bytes.count) }
        let start = (head + count) & (memory.count - 1)
        let first = min(bytes.count, memory.count - start)
        memory.baseAddress?.advanced(by: start).copyMemory(from: source, byteCount: first)
        memory.baseAddress?.copyMemory(from: source + first, byteCount: bytes.count - first)
        count += bytes.count
    }

    /// Takes bytes out; `target` is no larger than `count`.
    mutating func take(into target: UnsafeMutableRawBufferPointer) {
        precondition(target.count <= count)
        guard let destination = target.baseAddress, let source = memory.baseAddress else { return }
        let first = min(target.count, memory.count - head)
        destination.copyMemory(from: source + head, byteCount: first)
        (destination + first).copyMemory(from: source, byteCount: target.count - first)
        drop(target.count)
    }

    mutating func drop(_ bytes: Int) {
        precondition(bytes <= count)
        head = (head + bytes) & (memory.count - 1)
        count -= bytes
    }

    mutating func removeAll() { drop(count) }

    /// Moves bytes from the front of another queue to the end of this one.
    mutating func append(_ bytes: Int, from other: inout ByteQueue) {
        withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 16) { buffer in
            other.take(into: buffer)
            append(UnsafeRawBufferPointer(buffer))
        }
    }

    private mutating func grow(to needed: Int) {
        var size = memory.count
        while size < needed { size *= 2 }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        let bytes = count
        take(into: UnsafeMutableRawBufferPointer(rebasing: larger[..<bytes]))
        memory.deallocate()
        memory = larger
        head = 0
        count = bytes
    }
}
