// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Wire

/// Output of which each packet is a part of its own, for ports that send each part by itself
/// (`PortTechniques.sendPerPacket`).
extension WorkerCore {
    /// What `gather` does, with a part for each packet; where the application takes bytes, for each piece that it sent.
    ///
    /// What goes beyond `partLimit` packets or `flushLimit` bytes goes into the backlog as always, and from there in
    /// large pieces: a backlog is one run of bytes.
    mutating func gatherPackets(_ slot: Int, into list: UnsafeMutablePointer<IOVector>) -> Int {
        let record = sessions.records + slot
        var used = 0
        var bytes = 0
        var isFull = false
        for index in 0..<Int(record.pointee.partCount) {
            let part =
                index == 0
                ? record.pointee.firstPart : (record.pointee.moreParts?[index &- 1] ?? IOVector(base: nil, count: 0))
            var rest = part.bytes
            while !rest.isEmpty, !isFull {
                let count = firstPacket(in: rest)
                isFull = used == Self.partLimit || count > Self.flushLimit &- bytes
                if isFull { break }
                let packet = UnsafeRawBufferPointer(rebasing: rest[..<count])
                list[used] = IOVector(packet)
                used &+= 1
                bytes &+= count
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            if !rest.isEmpty { keepBack(record, rest) }
        }
        endGathering(slot, sends: used, bytes: bytes)
        return used
    }

    /// Bytes of the packet at the start; of bytes without packets, as many as one send may have.
    private mutating func firstPacket(in bytes: UnsafeRawBufferPointer) -> Int {
        guard !definition.takesBytes, case .packet(let size, _) = framing.header(bytes), size <= bytes.count else {
            return min(bytes.count, Self.flushLimit)
        }
        return size
    }
}
