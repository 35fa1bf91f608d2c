// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Overlapped

/// A completion port over scripted connections: every promise is kept as narrowly as it may be, and every rule for the
/// caller is checked.
///
/// Received bytes lie in memory of their own that is gone at the settlement of the next turn, so that AddressSanitizer
/// sees whoever keeps them.
final class ScriptedPort: CompletionPort {
    let doorbell = Doorbell.mute
    let counterMemory = PortCounterMemory()
    private let network: ScriptedNetwork
    private let worker: UInt64

    /// The largest piece that is received at once, and how many of a stream in one turn.
    var pieceSize = 4_096
    var piecesPerTurn = 4
    /// Where the batch begins: completions of different streams have no order.
    var rotation = 0
    /// How often a turn may look for what has come meanwhile.
    var looksPerTurn = 0
    /// Turns between `close` and `closed`.
    var closeDelay = 0
    /// Connections that wait to be accepted.
    var waiting: [ScriptedConnection] = []
    /// The errno of the next accept; 0: none.
    var acceptError: Int32 = 0

    private var isListening = false
    private var isAcceptPaused = false
    private var isStopping = false
    private var streams: [ScriptedConnection] = []
    private var blocked: [Completion] = []
    private var batch: [Completion] = []
    private var position = 0
    private var looksLeft = 0
    private var slices: [UnsafeMutableRawBufferPointer] = []
    private var retired: [UnsafeMutableRawBufferPointer] = []

    init(_ network: ScriptedNetwork, worker: Int) {
        self.network = network
        self.worker = UInt64(worker)
    }

    deinit {
        for memory in slices + retired { memory.deallocate() }
    }

    func now() -> UInt64 { network.now }

    func open() throws(PortError) {}

    // MARK: Listeners

    func accept(on descriptor: Int32, listener: Int) { isListening = true }

    func resumeAccepting(listener: Int) { isAcceptPaused = false }

    func stopAccepting(listener: Int) { isStopping = true }

    // MARK: Streams

    private func find(_ key: CompletionKey) -> ScriptedConnection? {
        streams.first { $0.key == key && $0.phase != .closed }
    }

    func associate(_ descriptor: Int32, key: CompletionKey) {
        guard let stream = network.find(descriptor) else { return promise(false, "descriptor \(descriptor) is known") }
        promise(stream.phase == .accepted, "a socket is associated once, after it was accepted")
        promise(!streams.contains { $0.key.slot == key.slot }, "slot \(key.slot) is not in use")
        stream.phase = .associated
        stream.key = key
        stream.session = worker << 56 | UInt64(key.slot) << 32 | UInt64(key.generation)
        streams.append(stream)
    }

    func receive(_ key: CompletionKey) { find(key)?.isReceiving = true }

    func pause(_ key: CompletionKey) { find(key)?.isReceiving = false }

    func send(_ key: CompletionKey, _ parts: UnsafeBufferPointer<IOVector>) {
        guard let stream = find(key) else { return promise(false, "a send on a stream that is known") }
        promise(stream.phase == .associated, "nothing is sent after the end")
        promise(!parts.isEmpty && parts.count <= 64, "1 to 64 parts")
        promise(stream.queued.isEmpty && stream.tracked == nil, "one send in flight a stream")
        stream.queued = Array(parts)
        stream.queuedBytes = parts.flatMap { Array($0.bytes) }
    }

    func withUnsent(_ blocked: Completion, _ body: (_ part: UnsafeRawBufferPointer, _ taken: Int) -> Void) {
        guard let stream = find(blocked.key) else { return }
        var skip = Int(blocked.result)
        for part in stream.unsent {
            if skip >= part.count {
                skip -= part.count
            } else {
                body(part.bytes, skip)
                skip = 0
            }
        }
    }

    func sendTracked(_ key: CompletionKey, _ bytes: UnsafeRawBufferPointer) {
        guard let stream = find(key) else { return promise(false, "a send on a stream that is known") }
        promise(stream.phase == .associated, "nothing is sent after the end")
        promise(stream.queued.isEmpty && stream.tracked == nil, "one send in flight a stream")
        promise(!bytes.isEmpty, "something to send")
        stream.tracked = bytes
        stream.trackedBytes = Array(bytes)
        stream.trackedTaken = 0
    }

    func finish(_ key: CompletionKey) {
        guard let stream = find(key) else { return promise(false, "an end of a stream that is known") }
        promise(stream.phase == .associated, "one end of a stream")
        promise(stream.queued.isEmpty && stream.tracked == nil, "everything sent is settled before the end")
        stream.phase = .finishing
        stream.isFinished = !stream.hasReset
    }

    func close(_ key: CompletionKey, hard: Bool) {
        guard let stream = find(key), stream.phase == .associated || stream.phase == .finishing else { return }
        stream.phase = .closing
        stream.turnsToClose = closeDelay
    }

    func start(_ operation: OverlappedOperation, on descriptor: Int32, key: CompletionKey) {
        promise(false, "a worker starts no overlapped operations")
    }

    func cancelOperation(_ key: CompletionKey) { promise(false, "a worker starts no overlapped operations") }

    // MARK: Completions

    func wait(until deadline: UInt64) throws(PortError) {
        promise(position == batch.count && blocked.isEmpty, "a batch is taken to its end")
        batch.removeAll()
        position = 0
        looksLeft = looksPerTurn
        retired += slices
        slices.removeAll()
        if isListening { takeConnections() }
        for stream in streams { turn(stream) }
        if batch.count > 1 {
            let start = rotation % batch.count
            // Only whole streams change places: what one stream says has an order.
            let last = batch[start].key
            let cut = batch.firstIndex { $0.key == last } ?? 0
            batch = Array(batch[cut...] + batch[..<cut])
        }
    }

    func next() -> Completion? {
        guard blocked.isEmpty else { return blocked.removeFirst() }
        settle()
        while position < batch.count {
            let completion = batch[position]
            position += 1
            switch completion.kind {
            case .received, .finished, .drained, .ended:
                guard let stream = find(completion.key), stream.phase == .associated else { continue }
                if completion.kind == .received { stream.oracle.bytes += bytes(of: completion.slice) }
            case .closed:
                guard let stream = find(completion.key) else { continue }
                stream.phase = .closed
                streams.removeAll { $0 === stream }
            default: break
            }
            return completion
        }
        return nil
    }

    func gather(for nanoseconds: UInt64) -> Bool {
        promise(position == batch.count && blocked.isEmpty, "nobody looks for more before the batch is at its end")
        guard looksLeft > 0 else { return false }
        looksLeft -= 1
        for stream in streams where stream.phase == .associated && !stream.hasReset { exchange(stream) }
        return position < batch.count
    }

    func batchNextWait(for count: Int) {
        promise(count > 0 && position == batch.count, "a wait for several comes after the last completion")
    }

    func bytes(of slice: ReceiveSlice) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(slices[Int(slice.offset)]) }

    /// The memory of the last turn's sends and receives is gone.
    private func settle() {
        for memory in retired { memory.deallocate() }
        retired.removeAll()
        for stream in streams { stream.unsent.removeAll() }
    }

    private func takeConnections() {
        if acceptError != 0, !isAcceptPaused, !isStopping {
            isAcceptPaused = true
            batch.append(Completion(.acceptPaused, CompletionKey(slot: 0, generation: 0), result: acceptError))
            acceptError = 0
        }
        if !isAcceptPaused || isStopping {
            for connection in waiting {
                connection.phase = .accepted
                batch.append(
                    Completion(.accepted, CompletionKey(slot: 0, generation: 0), result: connection.descriptor))
            }
            waiting.removeAll()
        }
        guard isStopping else { return }
        isListening = false
        batch.append(Completion(.acceptStopped, CompletionKey(slot: 0, generation: 0)))
    }

    // MARK: One stream

    private func turn(_ stream: ScriptedConnection) {
        submit(stream)
        switch stream.phase {
        case .closing:
            if stream.turnsToClose > 0 {
                stream.turnsToClose -= 1
            } else {
                goOnSending(stream)
                stream.sawEnd = true
                batch.append(Completion(.closed, stream.key))
            }
        case .finishing:
            stream.sawEnd = true
            stream.discarded += stream.unread
            stream.taken = stream.sent.count
            if stream.hasFinished || stream.hasReset || stream.discarded > 65_536 {
                batch.append(Completion(.closed, stream.key))
            }
        case .associated:
            if stream.hasReset {
                if stream.isReceiving || !stream.queuedBytes.isEmpty || stream.tracked != nil { end(stream) }
            } else {
                exchange(stream)
            }
        default: break
        }
        stream.queuedBytes.removeAll()
    }

    /// Goes on with a tracked send, and reads.
    private func exchange(_ stream: ScriptedConnection) {
        if goOnSending(stream) {
            stream.tracked = nil
            batch.append(Completion(.drained, stream.key))
        }
        if stream.isReceiving { read(stream) }
    }

    private func submit(_ stream: ScriptedConnection) {
        guard !stream.queued.isEmpty else { return }
        let bytes = stream.queued.flatMap { Array($0.bytes) }
        promise(bytes == stream.queuedBytes, "what is being sent is not written to")
        let parts = stream.queued
        stream.queued.removeAll()
        guard !stream.hasReset else { return }
        let taken = stream.deliver(bytes)
        guard taken < bytes.count else { return }
        stream.unsent = parts
        blocked.append(Completion(.blocked, stream.key, result: Int32(truncatingIfNeeded: taken)))
    }

    private func end(_ stream: ScriptedConnection) {
        guard !stream.toldEnded else { return }
        stream.toldEnded = true
        batch.append(Completion(.ended, stream.key, result: 104))
    }

    /// Whether a tracked send is done with this.
    @discardableResult
    private func goOnSending(_ stream: ScriptedConnection) -> Bool {
        guard let tracked = stream.tracked else { return false }
        promise(Array(tracked) == stream.trackedBytes, "what is being sent is not written to")
        stream.trackedTaken += stream.deliver(Array(stream.trackedBytes[stream.trackedTaken...]))
        return stream.trackedTaken == stream.trackedBytes.count
    }

    private func read(_ stream: ScriptedConnection) {
        for _ in 0..<piecesPerTurn where stream.unread > 0 {
            let count = min(stream.unread, pieceSize)
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
            memory.copyBytes(from: stream.sent[stream.taken..<stream.taken + count])
            stream.taken += count
            let slice = ReceiveSlice(
                offset: UInt32(truncatingIfNeeded: slices.count), count: UInt32(truncatingIfNeeded: count))
            slices.append(memory)
            batch.append(Completion(.received, stream.key, slice: slice))
        }
        if stream.unread == 0, stream.hasFinished, !stream.toldFinished {
            stream.toldFinished = true
            batch.append(Completion(.finished, stream.key))
        }
    }
}
