// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Where the gather lists of a turn's sends lie until they are settled: chunks that never move, used front to back,
/// all free again at once.
struct PartArena: ~Copyable {
    private static let chunkCapacity = 8_192
    private var chunks: [UnsafeMutablePointer<iovec>] = []
    private var chunk = 0
    private var used = 0

    deinit {
        for chunk in chunks { IOMemory.deallocate(chunk, capacity: Self.chunkCapacity) }
    }

    /// Copies a list of at most 64 parts into the arena.
    mutating func copy(_ parts: UnsafeBufferPointer<IOVector>) -> UnsafeMutablePointer<iovec> {
        let list = take(parts.count)
        for index in 0..<parts.count {
            let part = parts[index]
            list[index] = iovec(iov_base: UnsafeMutableRawPointer(mutating: part.base), iov_len: part.count)
        }
        return list
    }

    /// A message header naming `list`, for SENDMSG.
    mutating func header(of list: UnsafeMutablePointer<iovec>, count: Int) -> UnsafeMutablePointer<msghdr> {
        let units = (MemoryLayout<msghdr>.size + MemoryLayout<iovec>.size - 1) / MemoryLayout<iovec>.size
        let memory = UnsafeMutableRawPointer(take(units)).bindMemory(to: msghdr.self, capacity: 1)
        memory.initialize(to: msghdr())
        memory.pointee.msg_iov = list
        memory.pointee.msg_iovlen = count
        return memory
    }

    /// Forgets everything. No list of the arena may be in use.
    ///
    /// - Parameter spoils: overwrites the lists, so that whoever still reads one is found out.
    mutating func reset(spoils: Bool = false) {
        if spoils, let first = chunks.first { memset(first, 0xA5, (chunk > 0 ? Self.chunkCapacity : used) * 16) }
        chunk = 0
        used = 0
        guard !IOMemory.isReused else { return }
        for chunk in chunks { IOMemory.deallocate(chunk, capacity: Self.chunkCapacity) }
        chunks.removeAll(keepingCapacity: true)
    }

    private mutating func take(_ count: Int) -> UnsafeMutablePointer<iovec> {
        if used &+ count > Self.chunkCapacity {
            chunk &+= 1
            used = 0
        }
        if chunk >= chunks.count { chunks.append(IOMemory.allocate(iovec.self, capacity: Self.chunkCapacity)) }
        defer { used &+= count }
        return chunks[chunk] + used
    }
}
