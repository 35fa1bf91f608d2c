// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import Glibc

    /// What is known of a descriptor whose answers depend on what came before.
    struct StreamNote {
        var side = Transition.Side.open
        var told = Transition.Told.nothing
        /// Told by an event set since the last read or accept that found nothing.
        var events = Readiness()
        var lastRead = Transition.Last.nothing
        var lastSend = Transition.Last.nothing
        var isWatched = false
        /// The file behind the number; 0 where there is none to ask about.
        var file: UInt = 0
    }

    /// The recorder of a thread's system calls, and what it knows of its descriptors: a port's belong to its thread.
    ///
    /// Calls that ports make past `SystemCalls` are not seen: overlapped operations over epoll, and what is done once
    /// for each socket.
    package final class ThreadRecorder {
        private var notes: [Int32: StreamNote] = [:]
        /// Whether nothing is to be noted of the thread's calls: its port uses techniques of `PortTechniques`.
        var isDeaf = false
        private let real: TransitionSet
        private let simulated: TransitionSet

        private static let key: pthread_key_t = {
            var key = pthread_key_t()
            let result = pthread_key_create(&key) { recorder in
                if let recorder { Unmanaged<ThreadRecorder>.fromOpaque(recorder).release() }
            }
            precondition(result == 0, "pthread_key_create: errno \(result)")
            return key
        }()

        /// That of the calling thread.
        static var current: ThreadRecorder {
            if let known = pthread_getspecific(key) {
                return Unmanaged<ThreadRecorder>.fromOpaque(known).takeUnretainedValue()
            }
            let recorder = ThreadRecorder(
                real: TransitionLog.makeSet(isForeign: false), simulated: TransitionLog.makeSet(isForeign: true))
            pthread_setspecific(key, Unmanaged.passRetained(recorder).toOpaque())
            return recorder
        }

        /// Makes one that puts what it sees into two sets: by whose kernel a descriptor is.
        package init(real: TransitionSet, simulated: TransitionSet) {
            self.real = real
            self.simulated = simulated
        }

        func tellNow() {
            real.tellNow()
            simulated.tellNow()
        }

        private func set(_ descriptor: Int32) -> TransitionSet {
            ForeignKernel.owns(descriptor) ? simulated : real
        }

        // MARK: Notes

        /// What is known of a descriptor, unless its number is another file's by now: other threads close too, and
        /// nobody tells.
        func note(of descriptor: Int32) -> StreamNote? {
            guard let note = notes[descriptor], note.file == file(behind: descriptor) else { return nil }
            return note
        }

        func keep(_ note: StreamNote, of descriptor: Int32) {
            var note = note
            note.file = file(behind: descriptor)
            notes[descriptor] = note
        }

        func forget(_ descriptor: Int32) { notes[descriptor] = nil }

        /// The inode, which sockets share with nobody while they live. A foreign kernel's descriptors are its thread's.
        private func file(behind descriptor: Int32) -> UInt {
            var status = stat()
            guard !ForeignKernel.owns(descriptor), fstat(descriptor, &status) == 0 else { return 0 }
            return UInt(truncatingIfNeeded: status.st_ino)
        }

        // MARK: Calls

        /// recv(2) of at most `room` bytes.
        package func received(_ descriptor: Int32, room: Int, _ result: Int, _ code: Int32) {
            var note = note(of: descriptor) ?? StreamNote()
            var transition = transition(.callReceive, note)
            transition.last = note.lastRead
            transition.events = note.events.subtracting(.writable)
            switch result {
            case 1...:
                transition.outcome = result == room ? .whole : .part
                note.lastRead = result == room ? .whole : .part
                if result > room { set(descriptor).add(.tooMany, "recv: \(result) of \(room)") }
            case 0:
                transition.outcome = .none
                note.lastRead = .end
                note.told = .end
            default:
                fail(&transition, code)
                note.lastRead = code == EAGAIN ? .dry : .error
                if isFatal(code) { note.told = .error }
            }
            note.events.formIntersection(.writable)
            keep(note, of: descriptor)
            set(descriptor).add(transition)
        }

        /// send(2) or sendmsg(2) of so many bytes.
        package func sent(_ descriptor: Int32, _ asked: Int, _ result: Int, _ code: Int32) {
            var note = note(of: descriptor) ?? StreamNote()
            var transition = transition(.callSend, note)
            transition.last = note.lastSend
            if result >= 0 {
                transition.outcome = result == asked ? .whole : result > 0 ? .part : .none
                note.lastSend = result == asked ? .whole : .part
                if result > asked { set(descriptor).add(.tooMany, "send: \(result) of \(asked)") }
            } else {
                fail(&transition, code)
                note.lastSend = code == EAGAIN ? .dry : .error
                if isFatal(code) { note.told = .error }
            }
            keep(note, of: descriptor)
            set(descriptor).add(transition)
        }

        package func accepted(_ listener: Int32, _ result: Int32, _ code: Int32) {
            var note = note(of: listener) ?? StreamNote()
            var transition = transition(.callAccept, note)
            transition.events = note.events
            transition.outcome = .descriptor
            if result < 0 {
                fail(&transition, code)
                if code == EAGAIN { note.events = [] }
            }
            if note.isWatched { keep(note, of: listener) }
            set(listener).add(transition)
        }

        package func shut(_ descriptor: Int32, _ how: Int32, _ result: Int32, _ code: Int32) {
            var note = note(of: descriptor) ?? StreamNote()
            var transition = transition(how == Int32(SHUT_WR) ? .shutdownWrite : .shutdownBoth, note)
            if result < 0 { fail(&transition, code) }
            if result >= 0 || code == ENOTCONN {
                note.side = how == Int32(SHUT_WR) && note.side != .bothShut ? .writeShut : .bothShut
            }
            keep(note, of: descriptor)
            set(descriptor).add(transition)
        }

        package func closed(_ descriptor: Int32, _ result: Int32, _ code: Int32) {
            var transition = Transition(.callClose)
            let note = notes.removeValue(forKey: descriptor)
            // A number that names nothing is watched by nobody, whoever closed it.
            if let note, note.isWatched, result >= 0 || code != EBADF { transition.marks.insert(.watched) }
            if result < 0 { fail(&transition, code) }
            set(descriptor).add(transition)
        }

        // MARK: Words

        private func transition(_ subject: Transition.Subject, _ note: StreamNote) -> Transition {
            var transition = Transition(subject)
            transition.side = note.side
            transition.told = note.told
            if note.isWatched { transition.marks.insert(.watched) }
            return transition
        }

        private func fail(_ transition: inout Transition, _ code: Int32) {
            transition.outcome = .error
            transition.code = UInt8(truncatingIfNeeded: code)
        }

        /// Whether an errno is the end of a stream.
        private func isFatal(_ code: Int32) -> Bool { ![EAGAIN, EINTR, ENOBUFS, ENOMEM].contains(code) }
    }
#endif
