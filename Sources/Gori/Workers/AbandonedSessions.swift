// SPDX-License-Identifier: Apache-2.0

internal import Platform
internal import Wire

/// What is left of the sessions of a worker whose port is broken: memory of sends, which the kernel may read until the
/// port has gone.
struct AbandonedSessions: ~Copyable {
    /// How many there were.
    let count: Int
    /// What waited for room.
    var blocks: [UnsafeMutableRawBufferPointer] = []
    /// What the last turns sent.
    var output = OutputMemory()
    /// Where all of it came from.
    var pool = BlockPool()

    init(count: Int) { self.count = count }

    /// Gives all of it back; only when the worker's port has gone.
    mutating func release() {
        output.release(pool: &pool)
        for block in blocks { pool.giveBack(block) }
        blocks.removeAll()
    }
}
