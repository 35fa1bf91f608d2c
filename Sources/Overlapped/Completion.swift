// SPDX-License-Identifier: Apache-2.0

/// What a port says: one thing that finished, as a plain value.
///
/// The Windows counterpart is `OVERLAPPED_ENTRY` of `GetQueuedCompletionStatusEx`: key, bytes, and what was done.
public struct Completion: BitwiseCopyable, Sendable {
    /// What finished.
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// A listener accepted a connection: `result` is its descriptor, which the caller owns now.
        case accepted
        /// A listener could not accept (`result` is the errno, as EMFILE) and has stopped until `resumeAccepting`.
        case acceptPaused
        /// A listener has stopped for good and is closed (`stopAccepting`); nothing of it follows.
        case acceptStopped
        /// Bytes of a stream: `slice`.
        case received
        /// The peer has finished sending. Sends to it still work.
        case finished
        /// The kernel took only `result` bytes (0 or more) of this turn's `send`; before anything else of its batch.
        case blocked
        /// The tracked send is done, its memory is free.
        case drained
        /// The stream is dead in both directions: `result` is the errno. Only `closed` follows, after `close`.
        case ended
        /// The descriptor is closed and nothing is in flight: the key may be used anew.
        case closed
        /// An overlapped operation is done: `result` is its count, its descriptor or minus its errno.
        case operation
    }

    /// Whom it concerns: the stream's, the listener's or the operation's key.
    public let key: CompletionKey
    /// Bytes, a descriptor or an errno, as `kind` says.
    public let result: Int32
    /// What finished.
    public let kind: Kind
    /// Where the bytes of `received` are.
    public let slice: ReceiveSlice

    /// Makes a completion, as a port does.
    @_spi(Measuring)
    @inlinable
    public init(_ kind: Kind, _ key: CompletionKey, result: Int32 = 0, slice: ReceiveSlice = .none) {
        self.kind = kind
        self.key = key
        self.result = result
        self.slice = slice
    }
}

/// A piece of receive memory, as an index into the port's buffers.
///
/// It may be read until the port's next `wait`, and be the source of one `send` queued before it.
public struct ReceiveSlice: BitwiseCopyable, Sendable {
    /// Bytes from the start of the port's receive memory.
    public let offset: UInt32
    /// Bytes.
    public let count: UInt32

    /// Names a piece, as a port does.
    @_spi(Measuring)
    @inlinable
    public init(offset: UInt32, count: UInt32) {
        self.offset = offset
        self.count = count
    }

    /// No bytes.
    public static let none = ReceiveSlice(offset: 0, count: 0)
}
