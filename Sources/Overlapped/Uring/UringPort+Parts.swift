// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// Each part of a gather list as a send of its own (`PortTechniques.sendPerPacket`).
///
/// Two silent sends of a stream may not be queued at once: after a short one the next would go out behind the hole
/// (rule M1). So parts go out in rounds, in each at most one of every stream, and a round is settled before the next:
/// a turn costs as many system calls as its longest list has parts. Where sends are system calls, each part is one.
extension UringPort {
    /// Sends the first part of a stream's list, or all.
    mutating func sendParts(_ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey) {
        guard let list = stream.pointee.parts else { return }
        stream.pointee.bytesBefore = 0
        stream.pointee.partsQueued = 1
        guard queuesSends else { return sendPartsNow(stream, key, list) }
        queueSend(stream, key, list, 1)
        if stream.pointee.partCount > 1 { separate.append(key) }
    }

    private mutating func sendPartsNow(
        _ stream: UnsafeMutablePointer<StreamState>, _ key: CompletionKey, _ list: UnsafeMutablePointer<iovec>
    ) {
        for index in 0..<Int(stream.pointee.partCount) {
            counts.pointee.systemCalls &+= 1
            let part = list[index]
            let sent = SystemCalls.send(stream.pointee.descriptor, part.iov_base, part.iov_len)
            guard sent == part.iov_len else {
                if sent < 0, errno == EFAULT { counts.pointee.noteFault() }
                return settleFailure(key, sent < 0 ? -errno : Int32(truncatingIfNeeded: sent))
            }
            stream.pointee.bytesBefore &+= sent
        }
    }

    /// Sends the other parts, round by round; those of the last round are queued when this returns.
    mutating func sendSeparately() {
        while !separate.isEmpty {
            submitMidway()
            // A failure that nobody has seen would be followed by the next part.
            settleSends()
            putFailedFirst()
            var kept = 0
            for index in 0..<separate.count where queueNextPart(separate[index]) {
                separate[kept] = separate[index]
                kept &+= 1
            }
            separate.removeLast(separate.count &- kept)
        }
    }

    /// Queues the next part of a stream, if it may still send. Returns whether there are more behind it.
    private mutating func queueNextPart(_ key: CompletionKey) -> Bool {
        guard let stream = find(key), stream.pointee.phase == .open, !stream.pointee.ended,
            stream.pointee.partsQueued < stream.pointee.partCount, let list = stream.pointee.parts
        else { return false }
        let next = Int(stream.pointee.partsQueued)
        stream.pointee.bytesBefore &+= list[next &- 1].iov_len
        stream.pointee.partsQueued &+= 1
        queueSend(stream, key, list + next, 1)
        return stream.pointee.partsQueued < stream.pointee.partCount
    }
}
