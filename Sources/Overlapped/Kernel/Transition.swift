// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import Glibc

    /// One step of a kernel as a port sees it: what was asked, what is known of it so far, and how it was answered.
    ///
    /// Transitions are what the real kernels and the simulated one are compared by, so they say what a port decides by
    /// and nothing else. In: which operation; what this instance of it has said before; whether its cancel was asked
    /// for and how that was answered; whether our end of stream was sent or the peer's or an error told; the errno by
    /// name; MORE, BUFFER, BUFFER_MORE; whether a failed silent send stands behind other completions; for readiness,
    /// what was told since the last read and how that ended. Out, because a port does nothing else for them: who it
    /// is, byte counts beyond whole, part and none, how much room there is, times, batch sizes, and the flag
    /// SOCK_NONEMPTY. What is left has a thousand values or so; most of them appear within a few thousand seeds.
    package struct Transition: Sendable {
        /// What was asked, by the interface that a port has for it.
        package enum Subject: UInt8, CaseIterable, Sendable {
            case accept, receiveMultishot, receiveLimited, receiveOnce, silentSend, trackedSend
            case close, closeDirect, cancelAccept, cancelReceive, cancelSend, cancelOperation
            case doorbell, doorbellRead, shutdownDirect, disconnect
            case operationReceive, operationSend, operationAccept, operationConnect
            case submit, gather, wait, waitUntil
            case callReceive, callSend, callAccept, shutdownWrite, shutdownBoth, callClose
            case streamEvent, listenerEvent, doorbellEvent, poll, setWaitUntil, setWait
        }

        /// What this instance of an operation, or of a socket's calls in one direction, said last.
        package enum Last: UInt8, CaseIterable, Sendable { case nothing, some, whole, part, dry, end, error, roomAgain }

        /// Whether a cancel of this operation was taken, and its answer.
        package enum Cancel: UInt8, CaseIterable, Sendable { case none, asked, found, missed, late }

        /// Of a cancel: whether its target had said its last.
        package enum Target: UInt8, CaseIterable, Sendable { case none, armed, over }

        /// Our side of the stream.
        package enum Side: UInt8, CaseIterable, Sendable { case open, shutting, writeShut, bothShut }

        /// What the stream has been told of its end.
        package enum Told: UInt8, CaseIterable, Sendable { case nothing, end, error }

        /// The class of the answer.
        package enum Outcome: UInt8, CaseIterable, Sendable {
            case silence, whole, part, bytes, none, done, descriptor, error, events
        }

        /// What else is true of an answer, or of an enter.
        struct Marks: OptionSet, Sendable {
            let rawValue: UInt16

            static let more = Marks(rawValue: 1 << 0)
            static let buffer = Marks(rawValue: 1 << 1)
            static let bufferMore = Marks(rawValue: 1 << 2)
            static let limitReached = Marks(rawValue: 1 << 3)
            static let behindOthers = Marks(rawValue: 1 << 4)
            static let completions = Marks(rawValue: 1 << 5)
            static let workLeft = Marks(rawValue: 1 << 6)
            static let overflow = Marks(rawValue: 1 << 7)
            /// Of the state, not of the answer: entries were to be submitted.
            static let submits = Marks(rawValue: 1 << 8)
            /// Of the state: an event set watches the descriptor, so this is a call of the epoll port.
            static let watched = Marks(rawValue: 1 << 9)

            static let names: [(Marks, String)] = [
                (.more, "more"), (.buffer, "buffer"), (.bufferMore, "buffer goes on"),
                (.limitReached, "limit reached"), (.behindOthers, "behind others"), (.completions, "completions"),
                (.workLeft, "work left"), (.overflow, "overflow"),
            ]
        }

        package var subject: Subject
        var last = Last.nothing
        var cancel = Cancel.none
        var target = Target.none
        var side = Side.open
        var told = Told.nothing
        /// Readiness, in six bits: told since the last read, or told by this event.
        var events = Readiness()
        var outcome = Outcome.done
        /// Without its sign; 0 when there is none.
        var code: UInt8 = 0
        var marks = Marks()

        package init(_ subject: Subject) { self.subject = subject }

        /// All of it, in bits: what recorders count by.
        var packed: UInt64 {
            var bits = UInt64(subject.rawValue)
            bits = bits << 3 | UInt64(last.rawValue)
            bits = bits << 3 | UInt64(cancel.rawValue)
            bits = bits << 2 | UInt64(target.rawValue)
            bits = bits << 2 | UInt64(side.rawValue)
            bits = bits << 2 | UInt64(told.rawValue)
            bits = bits << 6 | UInt64(events.rawValue)
            bits = bits << 4 | UInt64(outcome.rawValue)
            bits = bits << 8 | UInt64(code)
            return bits << 16 | UInt64(marks.rawValue)
        }

        /// What `packed` has made bits of.
        init?(packed: UInt64) {
            func field(_ shift: UInt64, _ width: UInt64) -> UInt8 {
                UInt8(truncatingIfNeeded: packed >> shift & (1 << width - 1))
            }
            guard let subject = Subject(rawValue: field(46, 6)), let last = Last(rawValue: field(43, 3)),
                let cancel = Cancel(rawValue: field(40, 3)), let target = Target(rawValue: field(38, 2)),
                let side = Side(rawValue: field(36, 2)), let told = Told(rawValue: field(34, 2)),
                let outcome = Outcome(rawValue: field(24, 4))
            else { return nil }
            self.subject = subject
            self.last = last
            self.cancel = cancel
            self.target = target
            self.side = side
            self.told = told
            events = Readiness(rawValue: field(28, 6))
            self.outcome = outcome
            code = field(16, 8)
            marks = Marks(rawValue: UInt16(truncatingIfNeeded: packed))
        }
    }
#endif
