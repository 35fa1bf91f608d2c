// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) import Overlapped

/// A port that notes what it was asked for: how long to look for more, where it finds nothing, what it was given to
/// send, and ends of streams that it was told to close before. It takes a turn to close them, as a port may.
struct PortSpy: CompletionPort, ~Copyable {
    final class Notes {
        var patience: [UInt64] = []
        var batches: [Int] = []
        var closed: Set<CompletionKey> = []
        var finishedAfterClose: [CompletionKey] = []
        /// The first part of each send, and what was in it.
        var sent: [(memory: UnsafeRawBufferPointer, bytes: [UInt8])] = []
        /// Called when the port goes.
        var onEnd: () -> Void = {}
    }

    let notes: Notes
    private var port: EpollPort
    private var closes: [(key: CompletionKey, isHard: Bool)] = []
    private var laterCloses: [(key: CompletionKey, isHard: Bool)] = []

    init(capacity: Int, notes: Notes) throws {
        self.notes = notes
        port = try EpollPort(capacity: capacity)
    }

    deinit { notes.onEnd() }

    mutating func gather(for nanoseconds: UInt64) -> Bool {
        notes.patience.append(nanoseconds)
        return false
    }

    mutating func batchNextWait(for count: Int) { notes.batches.append(count) }

    mutating func finish(_ key: CompletionKey) {
        if notes.closed.contains(key) { notes.finishedAfterClose.append(key) }
        port.finish(key)
    }

    mutating func close(_ key: CompletionKey, hard: Bool) {
        notes.closed.insert(key)
        laterCloses.append((key, hard))
    }

    mutating func send(_ key: CompletionKey, _ parts: UnsafeBufferPointer<IOVector>) {
        if let memory = parts.first?.bytes {
            notes.sent.append((memory, Array(memory)))
        }
        port.send(key, parts)
    }

    mutating func wait(until deadline: UInt64) throws(PortError) {
        for close in closes { port.close(close.key, hard: close.isHard) }
        closes = laterCloses
        laterCloses.removeAll()
        try port.wait(until: deadline)
    }

    // MARK: Everything else is the other port's

    var doorbell: Doorbell { port.doorbell }
    var counterMemory: PortCounterMemory { port.counterMemory }
    mutating func open() throws(PortError) { try port.open() }
    mutating func accept(on descriptor: Int32, listener: Int) { port.accept(on: descriptor, listener: listener) }
    mutating func resumeAccepting(listener: Int) { port.resumeAccepting(listener: listener) }
    mutating func stopAccepting(listener: Int) { port.stopAccepting(listener: listener) }
    mutating func associate(_ descriptor: Int32, key: CompletionKey) { port.associate(descriptor, key: key) }
    mutating func receive(_ key: CompletionKey) { port.receive(key) }
    mutating func pause(_ key: CompletionKey) { port.pause(key) }
    mutating func withUnsent(_ blocked: Completion, _ body: (_ part: UnsafeRawBufferPointer, _ taken: Int) -> Void) {
        port.withUnsent(blocked, body)
    }
    mutating func sendTracked(_ key: CompletionKey, _ bytes: UnsafeRawBufferPointer) { port.sendTracked(key, bytes) }
    mutating func start(_ operation: OverlappedOperation, on descriptor: Int32, key: CompletionKey) {
        port.start(operation, on: descriptor, key: key)
    }
    mutating func cancelOperation(_ key: CompletionKey) { port.cancelOperation(key) }
    mutating func next() -> Completion? { port.next() }
    mutating func bytes(of slice: ReceiveSlice) -> UnsafeRawBufferPointer { port.bytes(of: slice) }
    mutating func now() -> UInt64 { port.now() }
}
