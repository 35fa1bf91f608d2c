// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// A ring of provided buffers as the kernel has it (IORING_REGISTER_PBUF_RING).
///
/// What is in it is the kernel's: it is overwritten when it is given, so that whoever still reads it reads nonsense,
/// and looked at before it is used, so that whoever has written to it is found out.
final class SimulatedBuffers {
    /// What memory of the kernel's holds.
    private static let poison: UInt8 = 0xA5

    unowned let machine: SimulatedMachine
    private let entries: UnsafeMutablePointer<io_uring_buf>
    private let tail: UnsafeMutablePointer<UInt16>
    let count: Int
    private let isIncremental: Bool
    @exclusivity(unchecked) private(set) var head: UInt16 = 0
    @exclusivity(unchecked) private var seen: UInt16 = 0
    /// Bytes of the first buffer that are used, of an incremental ring.
    @exclusivity(unchecked) private var used = 0

    init(_ machine: SimulatedMachine, _ registration: cl_buffer_ring_registration) {
        self.machine = machine
        let address = UnsafeMutableRawPointer(bitPattern: UInt(registration.ring_address))
        guard let address else { preconditionFailure("a buffer ring has memory") }
        entries = address.assumingMemoryBound(to: io_uring_buf.self)
        // The tail lies where the first entry has its reserved word.
        tail = (address + 14).assumingMemoryBound(to: UInt16.self)
        count = Int(registration.ring_entries)
        isIncremental = registration.flags & UInt16(CL_PBUF_RING_INCREMENTAL) != 0
    }

    /// Looks at what has been given since.
    func look() {
        let end = tail.pointee
        machine.require(Int(end &- head) <= count, "more buffers are given than there are")
        while seen != end {
            let entry = entries[Int(seen) & (count - 1)]
            memory(entry, from: 0).initializeMemory(as: UInt8.self, repeating: Self.poison)
            seen &+= 1
        }
    }

    var isEmpty: Bool { head == tail.pointee }

    private func memory(_ entry: io_uring_buf, from offset: Int) -> UnsafeMutableRawBufferPointer {
        let base = UnsafeMutableRawPointer(bitPattern: UInt(entry.addr))
        return UnsafeMutableRawBufferPointer(start: base.map { $0 + offset }, count: Int(entry.len) - offset)
    }

    /// The room of the next buffer.
    var room: Int { Int(entries[Int(head) & (count - 1)].len) - used }

    /// Has `fill` write bytes into the next buffer. Returns the flags of the completion that names it.
    func use(_ bytes: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> UInt32 {
        let entry = entries[Int(head) & (count - 1)]
        let target = UnsafeMutableRawBufferPointer(rebasing: memory(entry, from: used)[..<bytes])
        machine.require(
            target.first == Self.poison && target.last == Self.poison, "memory of the kernel's has been written to")
        fill(target)
        var flags = UInt32(CL_CQE_F_BUFFER) | UInt32(entry.bid) << 16
        used += bytes
        if isIncremental, used < Int(entry.len) {
            flags |= UInt32(CL_CQE_F_BUF_MORE)
        } else {
            head &+= 1
            used = 0
            machine.marks.make(.bufferUsedUp)
        }
        return flags
    }
}
