// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Platform

/// What a full completion queue asks for.
extension UringPort {
    mutating func nextSpilled() -> Completion? {
        let entry = spilled[spilledHead]
        spilledHead &+= 1
        if spilledHead == spilled.count {
            spilled.removeAll()
            spilledHead = 0
        }
        return translate(entry)
    }

    /// Moves all completions out of the queue and lets the kernel refill it.
    mutating func makeRoom() {
        tail = ring.completionTail
        collectFailedSends()
        while head != tail {
            spilled.append(KernelCompletion(ring.completion(head)))
            head &+= 1
        }
        ring.releaseCompletions(upTo: head)
        counts.pointee.systemCalls &+= 1
        _ = ring.enter(submit: 0, wait: 0, flags: UInt32(CL_ENTER_GETEVENTS), argument: nil, size: 0)
        tail = ring.completionTail
    }
}
