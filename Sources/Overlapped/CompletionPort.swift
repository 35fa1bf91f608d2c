// SPDX-License-Identifier: Apache-2.0

/// A completion port: associate sockets, start overlapped I/O, take completions in batches, be woken from another
/// thread. What Windows calls an I/O completion port, for one thread.
///
/// One thread owns a port and calls everything on it; only its `doorbell` may be used from elsewhere. Every port makes
/// the same ten promises (`docs/completion-port.md`):
///
/// 1. `wait(until:)` submits what is queued and returns after a completion, a doorbell or the deadline, perhaps early.
/// 2. `next()` gives plain values, never a borrow; `bytes(of:)` makes the span.
/// 3. Bytes of a stream come in order, in chunks of any size from 1; there is no order between streams.
/// 4. A slice may be read until the next `wait`, and be the source of one `send` queued before it.
/// 5. At most one `send` per stream between two waits. What the kernel did not take comes back as `blocked` before any
///    other completion of the batch; the caller copies the rest and sends it with `sendTracked`, one at a time, each
///    ended by `drained`. The memory of the first send is free once `next()` gives something else than `blocked`.
/// 6. A stream ends at most once (`ended`, the first fatal result) and closes exactly once (`closed`, after `close` or
///    at the end of `finish`); then its key may be used anew. The peer's end of stream is `finished`.
/// 7. After `pause` at most what is in the batch already is delivered; a paused stream need not notice its peer's end.
/// 8. `accepted`, or `acceptPaused` once per pause.
/// 9. Doorbells may be spurious.
/// 10. Overlapped operations of one socket and direction complete in the order issued, each exactly once.
///
/// Not promised, and nothing may rely on it: completions per turn, chunk sizes, in which turn a failure shows.
///
/// What changes nothing is `mutating` all the same: a call that only borrows copies the whole port first, hundreds of
/// bytes for each packet, because the compiler cannot see into the other module that nobody changes it meanwhile.
public protocol CompletionPort: ~Copyable {
    /// Wakes this port from any thread.
    var doorbell: Doorbell { get }

    /// Makes the calling thread the owner. Called once, before anything else but `doorbell`.
    ///
    /// - Throws: `PortError` when the kernel refuses.
    mutating func open() throws(PortError)

    // MARK: Listeners

    /// Accepts on a listening socket until `stopAccepting`. The port owns the descriptor from here on.
    ///
    /// - Parameter listener: a small number of the caller's choice, below 64, the slot of its completions' keys.
    mutating func accept(on descriptor: Int32, listener: Int)

    /// Goes on after `acceptPaused`.
    mutating func resumeAccepting(listener: Int)

    /// Takes what waits in the accept queue, closes the listener, and ends with `acceptStopped`.
    mutating func stopAccepting(listener: Int)

    // MARK: Streams

    /// Makes a connected stream socket known under `key`. The port owns the descriptor from here on.
    ///
    /// - Precondition: the key's slot is below the port's capacity and not in use.
    mutating func associate(_ descriptor: Int32, key: CompletionKey)

    /// Starts to receive, or goes on after `pause`.
    mutating func receive(_ key: CompletionKey)

    /// Stops receiving.
    mutating func pause(_ key: CompletionKey)

    /// Sends a gather list: at most 64 parts, at most once per stream between two waits, and not while a tracked send
    /// is under way. The list is copied; the memory it names belongs to the port until it is settled (promise 5).
    mutating func send(_ key: CompletionKey, _ parts: UnsafeBufferPointer<IOVector>)

    /// Calls `body` with every part of a `blocked` send that the kernel did not take whole, in order: the part as it
    /// was sent, and how many of its bytes were taken.
    mutating func withUnsent(_ blocked: Completion, _ body: (_ part: UnsafeRawBufferPointer, _ taken: Int) -> Void)

    /// Sends all of `bytes`, ended by `drained`; the memory belongs to the port until then, or until `closed`.
    mutating func sendTracked(_ key: CompletionKey, _ bytes: UnsafeRawBufferPointer)

    /// Ends in order: sends the end of stream, then reads and throws away input until the peer's end of stream or
    /// 64 KiB, then closes. The caller sets the deadline and calls `close` when it is over.
    ///
    /// - Precondition: nothing of the stream is being sent, and the sends of the last turn are settled.
    mutating func finish(_ key: CompletionKey)

    /// Ends now. `closed` follows when nothing is in flight any more.
    ///
    /// - Parameter hard: the peer sees a reset, and what it has not received yet is dropped.
    mutating func close(_ key: CompletionKey, hard: Bool)

    // MARK: Overlapped operations

    /// Starts an operation on a socket that is the caller's and not associated, ended by `operation` under `key`.
    ///
    /// Operations of one socket and direction complete in the order started, each exactly once; its buffers are the
    /// port's until then.
    mutating func start(_ operation: OverlappedOperation, on descriptor: Int32, key: CompletionKey)

    /// Asks for the end of an operation; it completes with its true result or with minus ECANCELED.
    mutating func cancelOperation(_ key: CompletionKey)

    // MARK: Completions

    /// Submits everything queued and waits for a completion, a doorbell or the deadline.
    ///
    /// - Parameter deadline: `MonotonicClock` nanoseconds; one in the past only looks, and 0 says that the caller has
    ///   more to do at once.
    /// - Throws: `PortError` when the kernel's side is broken beyond repair.
    mutating func wait(until deadline: UInt64) throws(PortError)

    /// The next completion of this turn, nil when there is none left.
    mutating func next() -> Completion?

    /// Looks for completions that are there by now, or come within so many nanoseconds, without sleeping, for a turn
    /// whose output gains by what is in it. Called when `next` has returned nil.
    ///
    /// A port looks so often in one turn and no more (rule M2): 16 times, or 64 where it may wait, for 2 ms in all.
    ///
    /// - Returns: whether `next` may have more.
    mutating func gather(for nanoseconds: UInt64) -> Bool

    /// Has the next wait be for several completions, as far as they come within 50 microseconds, for a caller whose
    /// next output gains by what it is made of. Called when `next` has returned nil. A port may have no way to.
    ///
    /// - Parameter count: completions; a port may wait for fewer.
    mutating func batchNextWait(for count: Int)

    /// Tells of a table of the caller's whose rows have the slots of streams' keys: a port that knows what comes next
    /// may have a row fetched into the processor's cache before it says what has happened to it. The first two cache
    /// lines of a row are worth it; nothing of it is read.
    ///
    /// - Parameter base: of rows for the whole capacity, which outlive the port.
    mutating func fetchesRows(at base: UnsafeRawPointer, stride: Int)

    /// The bytes of a slice of this turn.
    mutating func bytes(of slice: ReceiveSlice) -> UnsafeRawBufferPointer

    /// Where the port counts what it does, to be read by any thread.
    var counterMemory: PortCounterMemory { get }

    /// The time that deadlines are told in: `MonotonicClock` nanoseconds, up to 6 us behind and never ahead, or the
    /// port's own where it has a virtual one.
    mutating func now() -> UInt64
}

extension CompletionPort where Self: ~Copyable {
    /// A port that has nothing to look at.
    @inlinable
    public mutating func gather(for nanoseconds: UInt64) -> Bool { false }

    /// The kernel's time.
    @inlinable
    public mutating func now() -> UInt64 { MonotonicClock.now() }

    /// A port whose waits are for one completion.
    @inlinable
    public mutating func batchNextWait(for count: Int) {}

    /// A port that fetches nothing.
    @inlinable
    public mutating func fetchesRows(at base: UnsafeRawPointer, stride: Int) {}

    /// What the port has done so far.
    public var counters: PortCounters { counterMemory.counters }
}
