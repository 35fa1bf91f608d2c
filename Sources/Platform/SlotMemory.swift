// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Memory for a table of slots: all zero, each row in cache lines of its own, resident where it has been touched.
///
/// A row that begins in the middle of a cache line costs one line more whenever it is looked at, and with thousands of
/// connections hardly any row is still in the cache when the next message comes.
public enum SlotMemory {
    /// Bytes of a cache line, of x86-64 and of most ARM processors.
    @inlinable @inline(__always)
    public static var line: Int { 64 }

    /// Memory for one value that begins with a cache line, given back with `deallocate`.
    package static func allocateOne<Value: ~Copyable>(_: Value.Type) -> UnsafeMutablePointer<Value> {
        UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<Value>.size, alignment: line)
            .bindMemory(to: Value.self, capacity: 1)
    }

    /// Reserves rows; nil when there is no memory. Given back with `unmap`.
    ///
    /// - Precondition: a row is a whole number of cache lines.
    package static func map<Row>(_: Row.Type, capacity: Int) -> UnsafeMutablePointer<Row>? {
        precondition(MemoryLayout<Row>.stride % line == 0, "\(Row.self) has \(MemoryLayout<Row>.stride) bytes")
        let byteCount = capacity * MemoryLayout<Row>.stride
        let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { return nil }
        return memory.bindMemory(to: Row.self, capacity: capacity)
    }

    /// Gives back what `map` gave.
    package static func unmap<Row>(_ rows: UnsafeMutablePointer<Row>, capacity: Int) {
        munmap(rows, capacity * MemoryLayout<Row>.stride)
    }
}
