// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// Packets of one connection, one after the other in one block of the pool; no block while there are none.
struct OutputBuffer {
    private var base: UnsafeMutableRawPointer?
    private(set) var count: UInt32 = 0
    private var capacity: UInt32 = 0

    var isEmpty: Bool { count == 0 }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: Int(count)) }

    /// Room for `room` bytes at the end; what is written there counts after `commit`.
    mutating func reserve(_ room: Int, pool: inout BlockPool) -> UnsafeMutableRawBufferPointer {
        let needed = Int(count) &+ room
        if needed > Int(capacity) {
            let block = pool.take(atLeast: needed)
            if let base, let fresh = block.baseAddress { fresh.copyMemory(from: base, byteCount: Int(count)) }
            giveBackBlock(to: &pool)
            base = block.baseAddress
            capacity = UInt32(truncatingIfNeeded: block.count)
        }
        return UnsafeMutableRawBufferPointer(start: base.map { $0 + Int(count) }, count: room)
    }

    mutating func commit(_ written: Int) { count &+= UInt32(truncatingIfNeeded: written) }

    /// Forgets everything. The kernel may not have it any more.
    mutating func release(to pool: inout BlockPool) {
        giveBackBlock(to: &pool)
        base = nil
        count = 0
        capacity = 0
    }

    private func giveBackBlock(to pool: inout BlockPool) {
        guard let base else { return }
        pool.giveBack(UnsafeMutableRawBufferPointer(start: base, count: Int(capacity)))
    }
}
