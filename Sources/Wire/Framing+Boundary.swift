// SPDX-License-Identifier: Apache-2.0

/// Where packets end in memory that holds whole packets one after the other: outgoing bytes are cut only there.
extension Framing {
    /// The end of the packet that holds the byte before `offset`; `offset` itself when a packet ends there.
    public func boundary(in packets: UnsafeRawBufferPointer, from offset: Int) -> Int {
        var end = 0
        while end < offset, case .packet(let size, _) = header(UnsafeRawBufferPointer(rebasing: packets[end...])) {
            end &+= size
            if end > packets.count { return packets.count }
        }
        return max(end, offset)
    }

    /// The last end of a packet at or below `limit`.
    public func lastBoundary(in packets: UnsafeRawBufferPointer, upTo limit: Int) -> Int {
        var end = 0
        while end < packets.count,
            case .packet(let size, _) = header(UnsafeRawBufferPointer(rebasing: packets[end...])),
            end &+ size <= limit
        {
            end &+= size
        }
        return end
    }
}
