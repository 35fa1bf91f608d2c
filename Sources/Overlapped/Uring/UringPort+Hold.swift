// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// What arrives for a paused stream: the kernel may bring more until it has heard of the pause. It is kept, and
/// delivered when the stream goes on, so that paused means paused (promise 7).
extension UringPort {
    /// Offsets of slices from here on are numbers of lent buffers, not places in the receive memory of 4 MiB.
    static let lentOffset: UInt32 = 1 << 31

    mutating func hold(_ stream: UnsafeMutablePointer<StreamState>, _ slice: ReceiveSlice) {
        let bytes = bytes(of: slice)
        guard let source = bytes.baseAddress else { return }
        let old = stream.pointee.held
        let count = old.count + bytes.count
        let memory = IOMemory.allocate(byteCount: count, alignment: 16)
        let grown = UnsafeMutableRawBufferPointer(start: memory, count: count)
        if let from = old.baseAddress { grown.baseAddress?.copyMemory(from: from, byteCount: old.count) }
        (grown.baseAddress.map { $0 + old.count })?.copyMemory(from: source, byteCount: bytes.count)
        Self.freeHeld(old)
        stream.pointee.held = grown
    }

    /// Queues what was kept, before anything that comes later.
    mutating func deliverHeld(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        if !stream.pointee.held.isEmpty {
            let slice = ReceiveSlice(
                offset: Self.lentOffset | UInt32(truncatingIfNeeded: lent.count),
                count: UInt32(truncatingIfNeeded: stream.pointee.held.count))
            lent.append(stream.pointee.held)
            stream.pointee.held = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            pending.append(Completion(.received, key, slice: slice))
        }
        guard stream.pointee.holdsFinish else { return }
        stream.pointee.holdsFinish = false
        stream.pointee.wantsReceive = false
        pending.append(Completion(.finished, key))
    }

    /// Frees what was kept for a stream that closes.
    func dropHeld(_ stream: UnsafeMutablePointer<StreamState>) {
        Self.freeHeld(stream.pointee.held)
        stream.pointee.held = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        stream.pointee.holdsFinish = false
    }

    /// Frees lent buffers once all have been delivered, and what was blocked of the sends that name them has been told.
    mutating func freeLent() {
        guard !lent.isEmpty, lentDelivered == lent.count else { return }
        for buffer in lent.view { Self.freeHeld(buffer) }
        lent.removeAll()
        lentDelivered = 0
    }

    static func freeHeld(_ held: UnsafeMutableRawBufferPointer) {
        if let memory = held.baseAddress { IOMemory.deallocate(memory, byteCount: held.count) }
    }
}
