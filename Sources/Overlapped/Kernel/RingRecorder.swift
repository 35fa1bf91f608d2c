// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import CLiburing
    internal import Glibc

    /// The recorder of one ring: it stands above io_uring_enter(2) and sees what was taken and what was answered,
    /// whichever kernel did it.
    ///
    /// It keeps what is armed, by user data, and the buffers that the kernel has; no event.
    package final class RingRecorder {
        /// An operation that the kernel has taken and not said the last of.
        struct Armed {
            let subject: Transition.Subject
            /// What it names: a descriptor, or a place in the ring's table.
            let file: Int32
            let isDirect: Bool
            /// Bytes that it may bring or take; for a limited receive its limit.
            let asked: Int
            var total = 0
            var last = Transition.Last.nothing
            var cancel = Transition.Cancel.none
            /// Of a cancel: what it asks the end of.
            var target: UInt64 = 0
        }

        /// How an enter was asked for.
        package struct Enter {
            let submits: UInt32
            let waits: UInt32
            let flags: UInt32

            package init(submits: UInt32, waits: UInt32, flags: UInt32) {
                self.submits = submits
                self.waits = waits
                self.flags = flags
            }
        }

        let set: TransitionSet
        /// The tail of the completion queue when it was looked at last.
        var seen: UInt32 = 0
        var armed: [UInt64: Armed] = [:]
        /// Those behind them under the same user data, as cancels may be, in the order in which they were taken.
        var behind: [UInt64: [Armed]] = [:]
        /// Silent sends of which nothing has been heard: a success, unless completions are still kept back.
        var silent: [UInt64] = []
        /// Streams in the ring's own table.
        var places: [Int32: StreamNote] = [:]
        /// Places of the ring's table whose sockets have a descriptor as well, and which.
        var descriptors: [Int32: Int32] = [:]
        /// Bytes that are left of each buffer that the kernel has; -1: it has not.
        var buffers: [Int] = []
        /// Whom a second completion could be of.
        var ended: [UInt64] = []
        /// Of the enter that is being read: completions other than of failed silent sends.
        var othersInBatch = 0
        private var completionsInBatch = 0

        /// How many ended operations are remembered.
        static let memory = 256

        package init(_ set: TransitionSet) { self.set = set }

        /// A buffer goes to the kernel.
        package func gave(buffer: Int, size: Int) {
            while buffers.count <= buffer { buffers.append(-1) }
            buffers[buffer] = size
        }

        /// A socket was put into the ring's table.
        package func installed(place: UInt32) { places[Int32(bitPattern: place)] = StreamNote() }

        /// A descriptor lies in the ring's table too, or, for -1, none does any more. What names the place is of the
        /// descriptor from here on.
        package func registered(place: Int32, descriptor: Int32) {
            descriptors[place] = descriptor < 0 ? nil : descriptor
        }

        // MARK: An enter

        /// Completions that were there before the kernel was entered and after it was left last.
        package func appeared(outsideEnter count: UInt32) {
            if count > 0 { set.add(.outsideEnter, "\(count) of them") }
        }

        /// The kernel has taken a submission.
        package func took(_ submission: Submission, in recorder: ThreadRecorder) {
            let userData = submission.userData
            let descriptor = submission.isDirect ? descriptors[submission.file] : nil
            let file = descriptor ?? submission.file
            let isDirect = submission.isDirect && descriptor == nil
            var operation = Armed(
                subject: submission.subject, file: file, isDirect: isDirect, asked: submission.asked)
            switch submission.subject {
            case .cancelAccept, .cancelReceive, .cancelSend, .cancelOperation:
                operation.target = submission.target
                armed[submission.target]?.cancel = .asked
            case .shutdownDirect: places[file, default: StreamNote()].side = .shutting
            case .close: recorder.forget(file)
            case .closeDirect: places[file] = nil
            default:
                if submission.subject == .silentSend { silent.append(userData) }
                if !isDirect, recorder.note(of: file) == nil { recorder.keep(StreamNote(), of: file) }
            }
            if armed[userData] == nil {
                armed[userData] = operation
            } else {
                behind[userData, default: []].append(operation)
            }
        }

        /// The enter is over, and everything that it took and answered has been seen.
        package func left(
            _ enter: Enter, _ result: Int32, hasWorkLeft: Bool, isOverflowing: Bool, in recorder: ThreadRecorder
        ) {
            if !isOverflowing { endSilence(recorder) }
            var transition = Transition(subject(of: enter))
            if enter.submits > 0 { transition.marks.insert(.submits) }
            if hasWorkLeft { transition.marks.insert(.workLeft) }
            if isOverflowing { transition.marks.insert(.overflow) }
            if completionsInBatch > 0 { transition.marks.insert(.completions) }
            if result < 0 {
                transition.outcome = .error
                transition.code = UInt8(truncatingIfNeeded: -result)
            } else if result == Int32(bitPattern: enter.submits) {
                transition.outcome = .whole
            } else {
                transition.outcome = result > 0 ? .part : .none
            }
            set.add(transition)
            completionsInBatch = 0
            othersInBatch = 0
        }

        func noteCompletion() { completionsInBatch += 1 }

        private func subject(of enter: Enter) -> Transition.Subject {
            guard enter.flags & UInt32(CL_ENTER_GETEVENTS) != 0 else { return .submit }
            guard enter.waits > 0 else { return .gather }
            return enter.flags & UInt32(CL_ENTER_EXT_ARG) != 0 ? .waitUntil : .wait
        }

        /// Nothing is to be heard of them any more.
        private func endSilence(_ recorder: ThreadRecorder) {
            for userData in silent {
                guard let operation = armed[userData], operation.subject == .silentSend else { continue }
                var transition = transition(operation, recorder)
                transition.outcome = .silence
                set.add(transition)
                forget(userData)
            }
            silent.removeAll(keepingCapacity: true)
        }
    }
#endif
