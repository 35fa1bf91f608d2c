// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import CLiburing
    internal import Glibc

    /// The recorder of one event set: what waits bring, and which descriptor each event is of.
    package final class EventRecorder {
        /// By the slot and kind of the data, so that there are no more than were watched at a time.
        private var descriptors: [UInt64: (data: UInt64, descriptor: Int32)] = [:]
        private let set: TransitionSet

        package init(_ set: TransitionSet) { self.set = set }

        /// A descriptor is watched from now on: nothing is known of it yet.
        package func watched(_ descriptor: Int32, data: UInt64, in recorder: ThreadRecorder) {
            guard data & 0xFF != EpollSource.operations else { return }
            descriptors[place(data)] = (data, descriptor)
            recorder.keep(StreamNote(isWatched: true), of: descriptor)
        }

        package func waited(nanoseconds: UInt64?, _ result: Int32) {
            var transition = Transition(nanoseconds == 0 ? .poll : nanoseconds == nil ? .setWait : .setWaitUntil)
            switch result {
            case 1...:
                transition.outcome = .done
                transition.marks = .completions
            case 0: transition.outcome = .none
            default:
                transition.outcome = .error
                transition.code = UInt8(truncatingIfNeeded: -result)
            }
            set.add(transition)
        }

        package func told(data: UInt64, _ events: UInt32, in recorder: ThreadRecorder) {
            let readiness = Readiness(kernel: events)
            var transition = Transition(.streamEvent)
            transition.outcome = .events
            transition.events = readiness
            switch data & 0xFF {
            case EpollSource.listener: transition.subject = .listenerEvent
            case EpollSource.doorbell: transition.subject = .doorbellEvent
            case EpollSource.operations: return
            default: break
            }
            guard let known = descriptors[place(data)], known.data == data else {
                return set.add(.notArmed, "an event of \(data), which is not watched")
            }
            // A port may have been made by another thread than its own.
            var note = recorder.note(of: known.descriptor) ?? StreamNote(isWatched: true)
            transition.side = note.side
            transition.told = note.told
            // Whether the caller has been told to wait for room.
            transition.last = note.lastSend == .dry || note.lastSend == .part ? .dry : .nothing
            note.events.formUnion(readiness)
            if readiness.contains(.writable), note.lastSend == .dry || note.lastSend == .part {
                note.lastSend = .roomAgain
            }
            recorder.keep(note, of: known.descriptor)
            set.add(transition)
        }

        /// The data without its generation.
        private func place(_ data: UInt64) -> UInt64 { data & ~(UInt64(UInt32.max) << 8) }
    }
#endif
