// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// The sends without a copy that the kernel has not given back: for each a record of the receive buffers that it names.
///
/// A record lives from the submission to the notification, which comes when the peer has acknowledged the bytes, or
/// the socket is gone. That may be long after the stream has closed, so a record has a key of its own.
struct ZeroCopySends: ~Copyable {
    /// One send.
    struct Record: BitwiseCopyable {
        var stream: CompletionKey
        var generation: UInt32
        var byteCount: Int
        var hasResult: Bool
        var isNotified: Bool
        /// The kernel took some of it.
        var isCounted: Bool
        /// The record that is free after this one, when it is free itself.
        var nextFree: Int
    }

    /// As many as may be on their way at once; whoever finds none free copies.
    static let capacity = 1_024
    /// A bit for each buffer that there may be.
    private static let words = 16

    let isOn: Bool
    let threshold: Int
    let records: UnsafeMutablePointer<Record>
    private let buffers: UnsafeMutablePointer<UInt64>
    private var firstFree = 0
    private(set) var count = 0

    init(isOn: Bool, threshold: Int) {
        self.isOn = isOn
        self.threshold = threshold
        let capacity = isOn ? Self.capacity : 0
        records = .allocate(capacity: capacity)
        buffers = .allocate(capacity: capacity * Self.words)
        buffers.initialize(repeating: 0, count: capacity * Self.words)
        let none = CompletionKey(userData: 0)
        for index in 0..<capacity {
            (records + index).initialize(
                to: Record(
                    stream: none, generation: 0, byteCount: 0, hasResult: false, isNotified: false,
                    isCounted: false, nextFree: index + 1))
        }
    }

    deinit {
        records.deallocate()
        buffers.deallocate()
    }

    var hasRoom: Bool { firstFree < Self.capacity }

    /// Takes a record for a send; there is room.
    mutating func add(stream: CompletionKey, byteCount: Int) -> Int {
        let index = firstFree
        let record = records + index
        firstFree = record.pointee.nextFree
        record.pointee.stream = stream
        record.pointee.byteCount = byteCount
        record.pointee.hasResult = false
        record.pointee.isNotified = false
        record.pointee.isCounted = false
        count &+= 1
        return index
    }

    /// What its completions carry.
    func key(of index: Int) -> CompletionKey {
        CompletionKey(slot: index, generation: records[index].generation)
    }

    /// The record of a completion.
    func find(_ key: CompletionKey) -> Int {
        precondition(
            key.slot < Self.capacity && records[key.slot].generation == key.generation,
            "the kernel tells each send twice at most")
        return key.slot
    }

    /// Whether a record names a buffer already; from now on it does.
    mutating func name(_ buffer: Int, in index: Int) -> Bool {
        let word = buffers + (index &* Self.words &+ buffer / 64)
        let bit = UInt64(1) << UInt64(buffer % 64)
        let isNamed = word.pointee & bit != 0
        word.pointee |= bit
        return isNamed
    }

    /// The next of the buffers that a record names, which it names no more; nil when there is none left.
    mutating func takeBuffer(of index: Int) -> Int? {
        for word in 0..<Self.words {
            let bits = buffers[index &* Self.words &+ word]
            guard bits != 0 else { continue }
            buffers[index &* Self.words &+ word] = bits & (bits &- 1)
            return word &* 64 &+ bits.trailingZeroBitCount
        }
        return nil
    }

    /// Makes a record free that names nothing any more.
    mutating func remove(_ index: Int) {
        let record = records + index
        record.pointee.generation &+= 1
        record.pointee.nextFree = firstFree
        firstFree = index
        count &-= 1
    }
}
