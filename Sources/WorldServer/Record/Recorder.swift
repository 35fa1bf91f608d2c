// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import World

/// Writes the log of a run into a file, on a thread of its own.
///
/// Workers give it their buffers once a tick and never wait for the disk. What waits to be written is bounded: when the
/// file cannot be written as fast as the world goes on, or not at all, the log ends there, honestly, and everything
/// after it is counted and dropped.
public final class Recorder: @unchecked Sendable {
    /// How the recording has gone.
    public struct Outcome: Sendable {
        /// Bytes in the file.
        public internal(set) var bytes: UInt64 = 0
        /// Ticks of workers that came after the end of the log.
        public internal(set) var dropped: UInt64 = 0
        /// Why the log ended early; nil as long as all is well.
        public internal(set) var failure: String?
    }

    /// The most bytes that may wait to be written.
    public static let defaultLimit = 64 << 20

    private let descriptor: Int32
    private let limit: Int
    private let log: @Sendable (String) -> Void
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    // Behind the lock.
    private var waiting: [LogBuffer] = []
    private var waitingBytes = 0
    private var free: [LogBuffer] = []
    private var isClosing = false
    private var hasFallenBehind = false
    private var isDone = false
    private var outcome = Outcome()

    /// Opens a file, over what it held, and begins to write.
    ///
    /// - Parameters:
    ///   - workers: how many give buffers.
    ///   - regions: how many of them have a region.
    ///   - limit: bytes that may wait to be written.
    ///   - log: told once, on the recorder's thread, when the log ends early.
    /// - Throws: `RecordingFailure`, when the file cannot be opened or written.
    public init(
        path: String, _ configuration: WorldConfiguration, workers: Int, regions: Int, limit: Int = defaultLimit,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(RecordingFailure) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw RecordingFailure("cannot write \(path): \(Self.error())") }
        self.limit = limit
        self.log = log
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        let header = LogBuffer()
        header.appendHeader(configuration, workers: workers, regions: regions)
        if let failure = write(header.bytes) { throw RecordingFailure("cannot write \(path): \(failure)") }
        waiting.reserveCapacity(1_024)
        free.reserveCapacity(1_024)
        for _ in 0..<4 * workers { free.append(LogBuffer()) }
        start()
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
        Glibc.close(descriptor)
    }

    private func start() {
        // Signals are for the main thread, which may not have blocked them yet: one that ends the server would end it
        // here, without a drain. And a pipe whose reader has gone is a failure to write, not the end of the server.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let argument = Unmanaged.passRetained(self).toOpaque()
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Recorder>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument)
        precondition(result == 0, "pthread_create: errno \(result)")
        pthread_detach(thread)
    }

    // MARK: Workers

    /// An empty buffer for a tick of a worker; nil, and counted, when the log has ended.
    package func take() -> LogBuffer? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard !hasFallenBehind, outcome.failure == nil else {
            outcome.dropped += 1
            return nil
        }
        return free.popLast() ?? LogBuffer()
    }

    /// Gives a buffer to be written. Those of a worker are given in the order of their ticks.
    ///
    /// - Returns: false, and counted, when the log has ended.
    @discardableResult
    package func give(_ buffer: LogBuffer) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard !hasFallenBehind, outcome.failure == nil else {
            outcome.dropped += 1
            return false
        }
        guard waitingBytes + buffer.bytes.count <= limit else {
            hasFallenBehind = true
            outcome.dropped += 1
            outcome.failure = "the file could not be written as fast as the world went on"
            pthread_cond_broadcast(condition)
            return false
        }
        waitingBytes += buffer.bytes.count
        waiting.append(buffer)
        pthread_cond_broadcast(condition)
        return true
    }

    // MARK: The end

    /// How it has gone so far.
    public var status: Outcome {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return outcome
    }

    /// Writes what waits and the end of the log, and waits until it is done. Called once, when no worker gives more.
    ///
    /// - Parameter seconds: how long it may take; a disk that hangs must not keep a server from ending.
    public func finish(within seconds: Int = 5) -> Outcome {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += seconds
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        isClosing = true
        pthread_cond_broadcast(condition)
        while !isDone {
            guard pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT, !isDone else { continue }
            outcome.failure = outcome.failure ?? "the file could not be written to its end in \(seconds) s"
            break
        }
        return outcome
    }

    // MARK: The thread

    private func run() {
        let failure = writeAll()
        pthread_mutex_lock(mutex)
        outcome.failure = outcome.failure ?? failure
        let told = outcome.failure
        isDone = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
        if let told { log("the recording ends early: \(told)") }
    }

    /// - Returns: what went wrong.
    private func writeAll() -> String? {
        var batch: [LogBuffer] = []
        while next(&batch) {
            for buffer in batch {
                if let failure = write(buffer.bytes) { return failure }
            }
            giveBack(&batch)
        }
        let end = LogBuffer()
        end.append(end: status.failure == nil ? .closed : .fellBehind)
        return write(end.bytes)
    }

    /// Waits for buffers.
    ///
    /// - Returns: false when there will be none any more.
    private func next(_ batch: inout [LogBuffer]) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while waiting.isEmpty, !isClosing, !hasFallenBehind { pthread_cond_wait(condition, mutex) }
        swap(&batch, &waiting)
        return !batch.isEmpty
    }

    private func giveBack(_ batch: inout [LogBuffer]) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        for buffer in batch {
            waitingBytes -= buffer.bytes.count
            buffer.removeAll()
            free.append(buffer)
        }
        batch.removeAll(keepingCapacity: true)
    }

    /// Writes all of it.
    ///
    /// - Returns: what went wrong.
    private func write(_ bytes: UnsafeRawBufferPointer) -> String? {
        var rest = bytes
        while !rest.isEmpty {
            let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return Self.error() }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            pthread_mutex_lock(mutex)
            outcome.bytes += UInt64(written)
            pthread_mutex_unlock(mutex)
        }
        return nil
    }

    private static func error() -> String { String(cString: strerror(errno)) }
}

/// Why a run cannot be recorded.
public struct RecordingFailure: Error, CustomStringConvertible {
    /// What failed.
    public let description: String

    init(_ description: String) { self.description = description }
}
