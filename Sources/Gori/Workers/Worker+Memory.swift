// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform
internal import Wire

/// The limit to what all sessions together hold: those that hold the most end first.
extension Worker where Port: ~Copyable {
    /// Looks once a turn, which costs one comparison as long as this worker stays within its share.
    @inline(__always)
    mutating func keepMemoryLimit() {
        guard core.pointee.pool.bytesInUse > memoryShare else { return }
        shedMemory()
    }

    private mutating func shedMemory() {
        let share = memoryShare
        let limit = core.pointee.configuration.memoryLimit
        let own = core.pointee.pool.bytesInUse
        guard own &+ published.pages.bytesHeld(besides: index) > limit else { return }
        var holders: [(bytes: Int, slot: Int)] = []
        for slot in 0..<core.pointee.sessions.slotsTouched {
            let record = core.pointee.sessions.records + slot
            guard record.pointee.phase == .open, !record.pointee.endRequested else { continue }
            let bytes = record.pointee.backlog.byteCount &+ record.pointee.held.byteCount
            if bytes > 0 { holders.append((bytes, slot)) }
        }
        holders.sort { $0.bytes > $1.bytes }
        var excess = own &- share
        var count = 0
        for holder in holders where excess > 0 {
            // The end is carried out in this turn, and gives back what has not begun.
            core.pointee.requestEnd(holder.slot, .slowReader)
            excess &-= holder.bytes
            count += 1
        }
        guard count > 0 else { return }
        core.pointee.counts.pointee.endedForMemory &+= UInt64(count)
        guard memoryLog.allows(at: core.pointee.now) else { return }
        definition.log(
            "worker \(index): the sessions hold more than \(limit >> 20) MiB (memoryLimit): the \(count) that hold the "
                + "most end, \(core.pointee.counts.pointee.endedForMemory.value) so far")
    }
}
