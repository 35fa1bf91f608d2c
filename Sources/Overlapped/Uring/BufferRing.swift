// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Receive memory that the kernel chooses from when bytes arrive (io_uring_register(2), IORING_REGISTER_PBUF_RING),
/// shared by all streams of a port.
///
/// Incremental (Linux 6.12): few large buffers, bytes are appended, and a buffer is used up when it is full. Plain:
/// many small buffers, and every completion uses one up. A used-up buffer goes back with `recycle`, which the port
/// calls once the turn's sends are settled, so that no reference into it can be left (rule M4).
struct BufferRing: ~Copyable {
    // A cache line of what every receive looks at.
    let memory: UnsafeMutableRawPointer
    let bufferSize: Int
    let bufferCount: Int
    private let written: UnsafeMutablePointer<UInt32>
    private(set) var exhaustedCount = 0
    /// Buffers that sends without a copy name.
    private(set) var heldCount = 0
    /// Of these, the used-up ones.
    private(set) var keptCount = 0
    let isIncremental: Bool
    private var hasShown = false
    private(set) var tail: UInt16 = 0

    let entries: UnsafeMutablePointer<io_uring_buf_ring>
    let entryBytes: Int
    private let exhausted: UnsafeMutablePointer<UInt16>
    /// How many sends without a copy name each buffer, and those of them that are used up.
    private let holds: UnsafeMutablePointer<UInt32>
    private let kept: UnsafeMutablePointer<Bool>
    /// Where in the ring each buffer stands, with bundles, which take several in that order; else nil.
    private let positions: UnsafeMutablePointer<UInt16>?
    #if DEBUG || GORI_FAULTS
        private let recorder: RingRecorder?
    #endif

    static let group: UInt16 = 0

    /// By default 64 × 64 KiB, or 1024 × 4 KiB: both 4 MiB, of which only touched pages are resident.
    ///
    /// - Parameter bundles: whether receives take several plain buffers at once.
    init(
        incremental: Bool, bundles: Bool = false, count wanted: Int = 0, size wantedSize: Int = 0,
        ring: borrowing UringRing
    ) throws(PortError) {
        let count = wanted > 0 ? wanted : incremental ? 64 : 1_024
        let size = wantedSize > 0 ? wantedSize : incremental ? 65_536 : 4_096
        guard count.nonzeroBitCount == 1, (4...1_024).contains(count), size % 4_096 == 0, size <= 1 << 20 else {
            throw PortError(call: "\(count) receive buffers of \(size) bytes", code: EINVAL)
        }
        let entryBytes = count * MemoryLayout<io_uring_buf>.size
        let protection = PROT_READ | PROT_WRITE
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard
            let entryMemory = mmap(nil, entryBytes, protection, flags, -1, 0), entryMemory != MAP_FAILED,
            let memory = mmap(nil, count * size, protection, flags, -1, 0), memory != MAP_FAILED
        else { throw PortError(call: "mmap of receive buffers", code: errno) }
        // A child must not inherit what the kernel writes to: a write after a fork would land in a copy (row 15 of
        // docs/faults.md).
        _ = madvise(entryMemory, entryBytes, MADV_DONTFORK)
        _ = madvise(memory, count * size, MADV_DONTFORK)
        var registration = cl_buffer_ring_registration()
        registration.ring_address = UInt64(UInt(bitPattern: entryMemory))
        registration.ring_entries = UInt32(count)
        registration.group = Self.group
        registration.flags = incremental ? UInt16(CL_PBUF_RING_INCREMENTAL) : 0
        let result = SystemCalls.register(ring.descriptor, UInt32(CL_REGISTER_PBUF_RING), &registration, 1)
        guard result == 0 else {
            munmap(entryMemory, entryBytes)
            munmap(memory, count * size)
            throw PortError(call: "io_uring_register(PBUF_RING)", code: -result)
        }
        #if DEBUG || GORI_FAULTS
            recorder = ring.recorder
        #endif
        isIncremental = incremental
        bufferSize = size
        bufferCount = count
        self.memory = memory
        self.entryBytes = entryBytes
        entries = entryMemory.assumingMemoryBound(to: io_uring_buf_ring.self)
        written = .allocate(capacity: count)
        written.initialize(repeating: 0, count: count)
        exhausted = .allocate(capacity: count)
        exhausted.initialize(repeating: 0, count: count)
        positions = bundles ? .allocate(capacity: count) : nil
        holds = .allocate(capacity: count)
        holds.initialize(repeating: 0, count: count)
        kept = .allocate(capacity: count)
        kept.initialize(repeating: false, count: count)
        for buffer in 0..<count { put(UInt16(truncatingIfNeeded: buffer)) }
        publish()
        cl_hide(memory, count * size)
    }

    /// The ring that it is registered with must be gone by now.
    deinit {
        munmap(entries, entryBytes)
        cl_show(memory, bufferSize * bufferCount)
        IOMemory.unmap(memory, byteCount: bufferSize * bufferCount)
        written.deallocate()
        exhausted.deallocate()
        holds.deallocate()
        kept.deallocate()
        positions?.deallocate()
    }

    /// Buffers that the kernel may still choose.
    var freeCount: Int { bufferCount &- exhaustedCount &- keptCount }

    /// How many bytes each of so many streams may bring at once, so that a quarter of `memory` bytes stays free if all
    /// of them do: whole pieces of 16 KiB, one at least, because a crowd is hardly ever greedy all at once, and four at
    /// most. A receive that ends with every large message costs a tenth of it.
    static func share(of streams: Int, memory: Int) -> UInt32 {
        let piece = 16_384
        let pieces = memory / 4 &* 3 / max(1, streams) / piece
        return UInt32(truncatingIfNeeded: min(4, max(1, pieces)) &* piece)
    }

    /// How many bytes a stream may bring at once that has brought little in each of many turns. A wait of `UringPort`
    /// brings 20 completions as a rule: if all of them are of streams that have become greedy just now, a third of
    /// `memory` is still free.
    static func modestShare(memory: Int) -> UInt32 { UInt32(truncatingIfNeeded: memory / 32) }

    /// Accounts `count` received bytes to their buffer, before anything else is looked at (rule M4).
    ///
    /// - Parameter flags: of the completion, which name the buffer and say whether it has room left.
    @inline(__always)
    mutating func take(flags: UInt32, count: Int32) -> ReceiveSlice {
        let buffer = Int(flags >> 16)
        precondition(buffer < bufferCount, "the kernel names a buffer that was given to it")
        let bytes = UInt32(max(count, 0))
        // Not `written[buffer] &+=`, which Swift 6.3 cannot compile for ThreadSanitizer.
        let filled = written[buffer]
        written[buffer] = filled &+ bytes
        let offset = UInt32(truncatingIfNeeded: buffer &* bufferSize) &+ filled
        if !isIncremental || flags & UInt32(CL_CQE_F_BUF_MORE) == 0 {
            exhausted[exhaustedCount] = UInt16(truncatingIfNeeded: buffer)
            exhaustedCount &+= 1
        }
        cl_show(memory + Int(offset), Int(bytes))
        hasShown = true
        return ReceiveSlice(offset: offset, count: bytes)
    }

    /// Where in the ring the buffer of a completion stands.
    func position(flags: UInt32) -> UInt16 {
        let buffer = Int(flags >> 16)
        precondition(buffer < bufferCount, "the kernel names a buffer that was given to it")
        return positions.map { $0[buffer] } ?? 0
    }

    /// Takes the buffer that stands at a place of the ring, filled with as many of `rest` bytes as it has room for.
    ///
    /// How much that is says the ring: the kernel may have cut an entry down (net.c, kbuf.c).
    mutating func takePiece(at position: UInt16, rest: Int) -> ReceiveSlice {
        let mask = UInt32(truncatingIfNeeded: bufferCount &- 1)
        let buffer = cl_buffer_ring_buffer(entries, mask, UInt32(position))
        let room = Int(cl_buffer_ring_length(entries, mask, UInt32(position)))
        precondition(Int(buffer) < bufferCount && (1...bufferSize).contains(room), "the ring holds what was put there")
        let count = min(rest, room)
        exhausted[exhaustedCount] = buffer
        exhaustedCount &+= 1
        let offset = Int(buffer) &* bufferSize
        cl_show(memory + offset, count)
        hasShown = true
        return ReceiveSlice(offset: UInt32(truncatingIfNeeded: offset), count: UInt32(truncatingIfNeeded: count))
    }

    /// Nobody may look at the slices of earlier turns any more: in a build with AddressSanitizer nobody can.
    mutating func hideSlices() {
        guard hasShown else { return }
        cl_hide(memory, bufferCount &* bufferSize)
        hasShown = false
    }

    /// Gives all used-up buffers back to the kernel, but for those that a send without a copy names.
    @inline(__always)
    mutating func recycle() {
        if exhaustedCount > 0 { giveBackExhausted() }
    }

    @inline(never)
    private mutating func giveBackExhausted() {
        for index in 0..<exhaustedCount {
            let buffer = exhausted[index]
            if heldCount > 0, holds[Int(buffer)] > 0 {
                kept[Int(buffer)] = true
                keptCount &+= 1
            } else {
                put(buffer)
            }
        }
        exhaustedCount = 0
        publish()
    }

    /// The buffers in which some memory lies; nil when it is not receive memory.
    func buffers(under memory: UnsafeRawPointer, count: Int) -> ClosedRange<Int>? {
        let start = UInt(bitPattern: memory)
        let base = UInt(bitPattern: self.memory)
        guard count > 0, start >= base, start &- base &+ UInt(count) <= UInt(bufferSize &* bufferCount) else {
            return nil
        }
        let offset = Int(start &- base)
        return offset / bufferSize...(offset &+ count &- 1) / bufferSize
    }

    func isHeld(_ buffer: Int) -> Bool { holds[buffer] > 0 }

    /// Keeps a buffer from going back to the kernel, once for each call.
    mutating func hold(_ buffer: Int) {
        let count = holds[buffer]
        if count == 0 { heldCount &+= 1 }
        holds[buffer] = count + 1
    }

    /// Takes one hold back; a used-up buffer without any goes back with the next `recycle`.
    mutating func release(_ buffer: Int) {
        let count = holds[buffer]
        precondition(count > 0, "a buffer is released as often as it was held")
        holds[buffer] = count - 1
        guard count == 1 else { return }
        heldCount &-= 1
        guard kept[buffer] else { return }
        kept[buffer] = false
        keptCount &-= 1
        exhausted[exhaustedCount] = UInt16(truncatingIfNeeded: buffer)
        exhaustedCount &+= 1
    }

    private mutating func put(_ buffer: UInt16) {
        let address = UInt64(UInt(bitPattern: memory + Int(buffer) &* bufferSize))
        cl_buffer_ring_put(
            entries, UInt32(truncatingIfNeeded: bufferCount &- 1), UInt32(tail), address,
            UInt32(truncatingIfNeeded: bufferSize), buffer)
        #if DEBUG || GORI_FAULTS
            recorder?.gave(buffer: Int(buffer), size: bufferSize)
        #endif
        written[Int(buffer)] = 0
        if let positions { positions[Int(buffer)] = tail }
        tail &+= 1
    }

    private func publish() { cl_buffer_ring_publish(entries, tail) }
}
