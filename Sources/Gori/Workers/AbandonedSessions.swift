// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// What is left of the sessions of a worker whose port is broken.
struct AbandonedSessions: ~Copyable {
    /// How many there were.
    let count: Int
    /// Memory of sends that waited for room. The kernel may read it until the port has gone, so that this goes after
    /// the worker.
    var blocks: [UnsafeMutableRawBufferPointer] = []

    deinit {
        for block in blocks {
            guard let base = block.baseAddress else { continue }
            IOMemory.deallocate(base, byteCount: block.count)
        }
    }
}
