// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Platform

/// Fetching memory into the processor's cache while the completions before are handled.
extension UringPort {
    /// How many completions ahead memory is fetched: about what a fetch from the outer cache takes.
    static let fetchDistance: UInt32 = 4

    /// Tells of a table of the caller's whose rows are fetched with the streams' own.
    public mutating func fetchesRows(at base: UnsafeRawPointer, stride: Int) {
        rows = base
        rowStride = stride
    }

    /// Has the processor fetch what the handling of a completion will look at. With thousands of streams the last turn
    /// has left none of it in the cache.
    @inline(__always)
    func fetch(_ index: UInt32) {
        let entry = ring.completion(index)
        guard entry.pointee.user_data & 0xFF == UringOperation.receive else { return }
        let slot = CompletionKey(userData: entry.pointee.user_data).slot
        guard slot < capacity, let rows else { return }
        cl_prefetch(streams + slot)
        cl_prefetch(rows + slot &* rowStride)
        cl_prefetch(rows + (slot &* rowStride &+ SlotMemory.line))
    }
}
