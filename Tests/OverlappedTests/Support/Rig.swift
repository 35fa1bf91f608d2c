// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing

/// A port in the hands of a caller that keeps all its rules, with a referee who looks at every completion: what no
/// port may ever do is noticed in every test, whatever it is about.
///
/// Like the engine it starts sends between the last completion of a batch and the next `wait`.
final class Rig<P: CompletionPort & ~Copyable> {
    /// What is known of one stream.
    final class Stream {
        let key: CompletionKey
        var bytes: [UInt8] = []
        var receivedCount = 0
        var keepsBytes = true
        var finished = 0
        var ended: [Int32] = []
        var closed = 0
        var blocked: [Int] = []
        var drained = 0
        /// What the last blocked send left, as `withUnsent` told.
        var unsent: [UInt8] = []
        /// Whether a blocked send goes on as a tracked one.
        var continues = true
        var tracked: UnsafeMutableRawBufferPointer?
        /// The turn of the last `received`.
        var receivedTurn = 0

        init(_ key: CompletionKey) { self.key = key }
        deinit { tracked?.deallocate() }
    }

    struct Event {
        let key: CompletionKey
        let kind: Completion.Kind
        let result: Int32
    }

    var port: P
    private var streams: [UInt64: Stream] = [:]
    private(set) var accepted: [(listener: Int, descriptor: Int32)] = []
    private(set) var acceptPauses: [Int32] = []
    private(set) var acceptStops: [Int] = []
    private(set) var operations: [(key: CompletionKey, result: Int32)] = []
    private(set) var violations: [String] = []
    private(set) var turns = 0
    private(set) var completions = 0
    /// Whether turns go on with what has come meanwhile, as those of a worker that tells many do.
    var gathers = true
    private var resumable: [Stream] = []

    init(capacity: Int = 64, _ make: (Int) throws -> P) throws {
        // A shell's ordinary limit is 1,024, for all the tests that run at once.
        _ = descriptorLimit
        port = try make(capacity)
        try port.open()
    }

    // MARK: Streams

    @discardableResult
    func add(_ descriptor: Int32, slot: Int, generation: UInt32 = 1, receives: Bool = true) -> Stream {
        let key = CompletionKey(slot: slot, generation: generation)
        let stream = Stream(key)
        streams[key.rawValue] = stream
        port.associate(descriptor, key: key)
        if receives { port.receive(key) }
        return stream
    }

    func send(_ key: CompletionKey, _ parts: [UnsafeRawBufferPointer]) {
        parts.map { IOVector($0) }.withUnsafeBufferPointer { port.send(key, $0) }
    }

    /// Sends bytes that live until the end of the test.
    func send(_ key: CompletionKey, _ bytes: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
        copy.copyBytes(from: bytes)
        copies.append(copy)
        send(key, [UnsafeRawBufferPointer(rebasing: copy[..<bytes.count])])
    }

    private var copies: [UnsafeMutableRawBufferPointer] = []
    deinit { for copy in copies { copy.deallocate() } }

    // MARK: Turns

    /// The next completion of the turn, and of what has come since.
    private func next() -> Completion? { port.next() ?? (gathers && port.gather(for: 0) ? port.next() : nil) }

    /// One turn of at most so many milliseconds. `inspect` sees each slice while it may be read.
    @discardableResult
    func turn(
        _ milliseconds: Int = 20, inspect: ((Stream, UnsafeRawBufferPointer) -> Void)? = nil
    ) throws -> [Event] {
        try port.wait(until: MonotonicClock.now() + UInt64(milliseconds) * 1_000_000)
        turns += 1
        var batch: [Event] = []
        var hasOther = false
        while let completion = next() {
            completions += 1
            batch.append(Event(key: completion.key, kind: completion.kind, result: completion.result))
            if completion.kind != .blocked {
                hasOther = true
            } else if hasOther {
                violations.append("blocked behind another completion of its batch")
            }
            take(completion, inspect)
        }
        for stream in resumable where stream.continues && stream.ended.isEmpty { resume(stream) }
        resumable.removeAll()
        return batch
    }

    /// Turns until something has happened; an issue when it does not.
    func run(
        seconds: Double = 10, _ what: String, _ place: SourceLocation = #_sourceLocation,
        until condition: () throws -> Bool
    ) throws {
        let deadline = MonotonicClock.now() + UInt64(seconds * 1e9)
        while try !condition() {
            guard MonotonicClock.now() < deadline else {
                Issue.record("never: \(what)", sourceLocation: place)
                throw Peer.Failure(call: what, code: ETIMEDOUT)
            }
            try turn()
        }
    }

    /// Nothing may have happened that no port may do.
    func expectOrder(_ place: SourceLocation = #_sourceLocation) {
        let violations = violations
        #expect(violations.isEmpty, sourceLocation: place)
    }

    func take(_ completion: Completion, _ inspect: ((Stream, UnsafeRawBufferPointer) -> Void)? = nil) {
        switch completion.kind {
        case .accepted: accepted.append((completion.key.slot, completion.result))
        case .acceptPaused: acceptPauses.append(completion.result)
        case .acceptStopped: acceptStops.append(completion.key.slot)
        case .operation: operations.append((completion.key, completion.result))
        default:
            guard let stream = streams[completion.key.rawValue] else {
                violations.append("\(completion.kind) for a key that is not in use")
                return
            }
            referee(stream, completion)
            take(stream, completion, inspect)
        }
    }

    private func take(
        _ stream: Stream, _ completion: Completion, _ inspect: ((Stream, UnsafeRawBufferPointer) -> Void)?
    ) {
        switch completion.kind {
        case .received:
            let bytes = port.bytes(of: completion.slice)
            stream.receivedCount += bytes.count
            stream.receivedTurn = turns
            if stream.keepsBytes { stream.bytes.append(contentsOf: bytes) }
            inspect?(stream, bytes)
        case .finished: stream.finished += 1
        case .ended: stream.ended.append(completion.result)
        case .closed: stream.closed += 1
        case .blocked:
            stream.blocked.append(Int(completion.result))
            var rest: [UInt8] = []
            port.withUnsent(completion) { part, taken in rest.append(contentsOf: part[taken...]) }
            stream.unsent = rest
            resumable.append(stream)
        case .drained:
            stream.drained += 1
            stream.tracked?.deallocate()
            stream.tracked = nil
        default: break
        }
    }

    private func referee(_ stream: Stream, _ completion: Completion) {
        let name = "\(completion.kind) of slot \(stream.key.slot)"
        if stream.closed > 0 { violations.append("\(name) after closed") }
        if !stream.ended.isEmpty, completion.kind != .closed { violations.append("\(name) after ended") }
        switch completion.kind {
        case .received where completion.slice.count == 0: violations.append("\(name) without bytes")
        case .received where stream.finished > 0: violations.append("\(name) after finished")
        case .finished where stream.finished > 0: violations.append("\(name) twice")
        case .drained where stream.tracked == nil: violations.append("\(name) without a tracked send")
        default: break
        }
    }

    private func resume(_ stream: Stream) {
        guard !stream.unsent.isEmpty, stream.closed == 0 else { return }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: stream.unsent.count, alignment: 8)
        memory.copyBytes(from: stream.unsent)
        stream.tracked = memory
        port.sendTracked(stream.key, UnsafeRawBufferPointer(memory))
    }
}

private let descriptorLimit = Sockets.raiseDescriptorLimit()
