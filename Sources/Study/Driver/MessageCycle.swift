// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Load

/// The bytes that a load sends and expects: one cyclic sequence of random messages, kept twice in a row so that any run
/// of messages is contiguous. Each connection begins at another message, so that bytes of a wrong one are seen.
///
/// One thread has it. Pointers are good for as long as it lives.
final class MessageCycle {
    /// Messages of one round.
    let count: Int
    /// Bytes of one round.
    let byteCount: Int
    let bytes: UnsafeRawPointer
    /// Where message 0… of two rounds begins, and where the last one ends.
    let begins: UnsafePointer<Int>

    /// Bytes of a round of large messages: more would only fill the processor's cache.
    private static let room = 1 << 20
    private static let usualCount = 509

    /// - Parameter isMixed: packets of 4 bytes to `size`, with their header; else messages of `size` bytes.
    init(size: Int, depth: Int, isMixed: Bool) {
        // More than can be under way, so that no message is taken for its successor of the next round.
        count = max(2 * depth + 1, min(Self.usualCount, Self.room / size))
        var random = SplitMix64(seed: 20_240_229)
        let begins = UnsafeMutablePointer<Int>.allocate(capacity: 2 * count + 1)
        begins[0] = 0
        for message in 0..<count {
            begins[message + 1] = begins[message] + (isMixed ? 4 + random.below(size - 3) : size)
        }
        byteCount = begins[count]
        for message in 1...count { begins[count + message] = byteCount + begins[message] }
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 2 * byteCount, alignment: 64)
        for place in 0..<byteCount {
            bytes.storeBytes(of: UInt8(truncatingIfNeeded: random.next()), toByteOffset: place, as: UInt8.self)
        }
        if isMixed {
            for message in 0..<count {
                let length = UInt16(begins[message + 1] - begins[message])
                bytes.storeBytes(of: length.littleEndian, toByteOffset: begins[message], as: UInt16.self)
                let type = UInt16(16 + message % 32).littleEndian
                bytes.storeBytes(of: type, toByteOffset: begins[message] + 2, as: UInt16.self)
            }
        }
        memcpy(bytes + byteCount, bytes, byteCount)
        self.bytes = UnsafeRawPointer(bytes)
        self.begins = UnsafePointer(begins)
    }

    deinit {
        bytes.deallocate()
        begins.deallocate()
    }

    /// Whether bytes are those from `offset` on, 0..<`byteCount`.
    func matches(_ received: UnsafeRawPointer, _ length: Int, from offset: Int) -> Bool {
        length <= byteCount && memcmp(received, bytes + offset, length) == 0
    }
}

/// How far one connection is in the cycle: what it has sent, owes, and expects.
struct CyclePosition {
    /// The next message to be sent.
    private var nextOut: Int
    /// The next message to be completed.
    private var nextIn: Int
    /// Where the next byte to be sent stands in the cycle, and how many are due.
    private(set) var outOffset: Int
    private(set) var owed = 0
    /// Where the next byte to be received stands.
    private var inOffset: Int
    /// Messages that are not answered.
    private(set) var underWay = 0

    init(_ cycle: MessageCycle, from message: Int) {
        nextOut = message % cycle.count
        nextIn = nextOut
        outOffset = cycle.begins[nextOut]
        inOffset = outOffset
    }

    /// Some more messages are to be sent.
    mutating func start(_ messages: Int, of cycle: MessageCycle) {
        owed += cycle.begins[nextOut + messages] - cycle.begins[nextOut]
        nextOut = (nextOut + messages) % cycle.count
        underWay += messages
    }

    /// So many of the bytes owed have been taken.
    mutating func sent(_ bytes: Int, of cycle: MessageCycle) {
        owed -= bytes
        outOffset = (outOffset + bytes) % cycle.byteCount
    }

    /// Compares what came with what is due.
    ///
    /// - Returns: how many messages are complete by it; nil when it is not what was sent.
    mutating func receive(_ received: UnsafeRawPointer, _ length: Int, of cycle: MessageCycle) -> Int? {
        var (place, done) = (0, 0)
        while place < length {
            let piece = min(length - place, cycle.byteCount)
            guard let more = receivePiece(received + place, piece, of: cycle) else { return nil }
            place += piece
            done += more
        }
        return done
    }

    /// At most one round of the cycle.
    private mutating func receivePiece(_ received: UnsafeRawPointer, _ length: Int, of cycle: MessageCycle) -> Int? {
        guard cycle.matches(received, length, from: inOffset) else { return nil }
        inOffset += length
        var done = 0
        while cycle.begins[nextIn + 1] <= inOffset {
            nextIn += 1
            done += 1
        }
        if nextIn >= cycle.count {
            nextIn -= cycle.count
            inOffset -= cycle.byteCount
        }
        guard done <= underWay else { return nil }
        underWay -= done
        return done
    }
}
