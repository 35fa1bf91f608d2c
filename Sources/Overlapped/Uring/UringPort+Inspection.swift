// SPDX-License-Identifier: Apache-2.0

internal import CLiburing

/// What this package's own tests look at, and no program.
extension UringPort {
    /// Receive buffers that are lost: neither the kernel's to choose from, as the kernel says, nor used up and on
    /// their way back to it, or named by a send. Nil before Linux 6.8, which does not say.
    package var lostBuffers: Int? {
        var status = cl_buffer_ring_status()
        status.group = UInt32(BufferRing.group)
        guard SystemCalls.register(ring.descriptor, UInt32(CL_REGISTER_PBUF_STATUS), &status, 1) == 0 else {
            return nil
        }
        let available = buffers.tail &- UInt16(truncatingIfNeeded: status.head)
        return buffers.bufferCount - Int(available) - buffers.exhaustedCount - buffers.keptCount
    }

    /// Receive buffers that sends without a copy name.
    package var heldBuffers: Int { buffers.heldCount }

    /// Of these, the used-up ones.
    package var usedUpHeldBuffers: Int { buffers.keptCount }

    /// The ring's, for /proc/self/fdinfo.
    package var ringDescriptor: Int32 { ring.descriptor }

    /// Completions in the queue that nobody has looked at.
    package var completionsWaiting: UInt32 { ring.completionTail &- head }

    /// How many receive buffers there are.
    package var bufferCount: Int { buffers.bufferCount }

    /// Memory that the kernel writes to.
    package var kernelMemory: [UnsafeRawPointer] {
        [
            UnsafeRawPointer(ring.ring.pointee.sq.ring_ptr), UnsafeRawPointer(ring.ring.pointee.sq.sqes),
            UnsafeRawPointer(buffers.entries), UnsafeRawPointer(buffers.memory),
        ]
    }
}
