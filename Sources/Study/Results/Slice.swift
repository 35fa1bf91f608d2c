// SPDX-License-Identifier: Apache-2.0

/// A fraction of a second in which one server was loaded.
///
/// Times and delays are of the measured part, in the middle of the load; counts are of the whole slice, from silence to
/// silence, and belong to `allMessages`.
public struct Slice: Codable, Sendable, Equatable {
    /// Which of the two.
    public enum Side: String, Codable, Sendable {
        /// The one that the other is compared with.
        case left
        /// The other.
        case right
    }

    /// Whose slice it is.
    public var side: Side
    /// How often the servers had been started before.
    public var start: Int
    /// The rotation, counted through over all starts; both sides have one slice in each.
    public var rotation: Int

    /// Messages answered in the measured part.
    public var messages: UInt64
    /// The measured part.
    public var seconds: Double
    /// The server's processor time in it: user, system, and the kernel's threads for it.
    public var serverNanoseconds: UInt64
    /// The load's processor time in it.
    public var loadNanoseconds: UInt64
    /// Share of it for which server or load were ready to run and another process had their core.
    public var withoutCore: Double
    /// Microseconds from handing a message to the kernel until its answer was there: the median.
    public var p50: Double
    /// 99 % were at most this.
    public var p99: Double
    /// 99.9 % were at most this.
    public var p999: Double

    /// Messages answered in all of the slice.
    public var allMessages: UInt64
    /// System calls of the completion port.
    public var systemCalls: UInt64
    /// Completions that it took.
    public var completions: UInt64
    /// Gather sends.
    public var sends: UInt64
    /// Bytes handed to them.
    public var bytesSent: UInt64
    /// Bytes copied because a socket did not take them.
    public var bytesCopied: UInt64
    /// Context switches of the server's threads: they waited.
    public var switchesVoluntary: UInt64
    /// They were interrupted.
    public var switchesForced: UInt64
    /// Bytes of output and of input in part that the server held at the end; nil: it does not say.
    public var bytesHeld: UInt64?
    /// A server that does not count was measured: the fields from `systemCalls` to `bytesCopied` are 0, for nothing.
    public var isWithoutCounters: Bool?
    /// Sends that the kernel took without a copy; nil: none.
    public var zeroCopySends: UInt64?
    /// Of these, sends that it copied after all; nil: none.
    public var zeroCopyCopied: UInt64?
    /// Completions for bytes in several receive buffers; nil: none.
    public var receiveBundles: UInt64?
    /// Submissions given to the kernel; nil in results of older programs.
    public var submissions: UInt64?
}
