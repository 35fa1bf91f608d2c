// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import CLiburing
    internal import Glibc

    /// What a completion says, and whether it may.
    extension RingRecorder {
        /// A completion has appeared.
        package func completed(_ userData: UInt64, _ result: Int32, _ flags: UInt32, in recorder: ThreadRecorder) {
            noteCompletion()
            // Other threads ring it, without a submission of this ring.
            if userData == UringOperation.doorbell {
                othersInBatch += 1
                return set.add(Transition(.doorbell))
            }
            // Said only when a descriptor was not open: what names its place says so too, and that is looked at.
            guard userData & 0xFF != UringOperation.filesUpdate else { return }
            guard var operation = armed[userData] else {
                othersInBatch += 1
                let isSecond = ended.contains(userData)
                return set.add(
                    isSecond ? .saidTwice : .notArmed, "\(describe(userData)): \(result), flags \(flags & 0xFFFF)")
            }
            var transition = transition(operation, recorder)
            classify(&transition, operation, result)
            mark(&transition, &operation, result, flags)
            if operation.subject == .silentSend {
                if othersInBatch > 0 { transition.marks.insert(.behindOthers) }
                if result >= 0, Int(result) == operation.asked {
                    set.add(.silentSuccess, "\(describe(userData)): \(result) bytes")
                }
            } else {
                othersInBatch += 1
            }
            answerCancel(&transition, operation, result)
            set.add(transition)
            note(operation, result, recorder)
            guard flags & UInt32(CL_CQE_F_MORE) != 0 else { return forget(userData) }
            operation.last = .some
            operation.total &+= Int(max(0, result))
            armed[userData] = operation
        }

        /// The operation has said its last.
        func forget(_ userData: UInt64) {
            if var others = behind[userData] {
                armed[userData] = others.removeFirst()
                behind[userData] = others.isEmpty ? nil : others
                return
            }
            armed[userData] = nil
            if ended.count == Self.memory { ended.removeFirst(Self.memory / 2) }
            ended.append(userData)
        }

        /// The state of an operation, before its answer.
        func transition(_ operation: Armed, _ recorder: ThreadRecorder) -> Transition {
            var transition = Transition(operation.subject)
            transition.last = operation.last
            transition.cancel = operation.cancel
            switch operation.subject {
            case .receiveMultishot, .receiveLimited, .receiveOnce, .silentSend, .trackedSend:
                let note = operation.isDirect ? places[operation.file] : recorder.note(of: operation.file)
                transition.side = note?.side ?? .open
                transition.told = note?.told ?? .nothing
            default: break
            }
            return transition
        }

        private func classify(_ transition: inout Transition, _ operation: Armed, _ result: Int32) {
            guard result >= 0 else {
                transition.outcome = .error
                transition.code = UInt8(truncatingIfNeeded: 0 &- result)
                return
            }
            switch operation.subject {
            case .receiveMultishot, .receiveLimited, .receiveOnce: transition.outcome = result > 0 ? .bytes : .none
            case .silentSend, .trackedSend, .operationSend, .operationReceive, .doorbellRead:
                transition.outcome = Int(result) >= operation.asked ? .whole : result > 0 ? .part : .none
                if Int(result) > operation.asked {
                    set.add(.tooMany, "\(operation.subject): \(result) of \(operation.asked)")
                }
            case .accept, .operationAccept: transition.outcome = .descriptor
            default: transition.outcome = .done
            }
        }

        private func mark(
            _ transition: inout Transition, _ operation: inout Armed, _ result: Int32, _ flags: UInt32
        ) {
            if flags & UInt32(CL_CQE_F_MORE) != 0 { transition.marks.insert(.more) }
            if operation.subject == .receiveLimited, operation.total &+ Int(result) >= operation.asked {
                transition.marks.insert(.limitReached)
            }
            guard flags & UInt32(CL_CQE_F_BUFFER) != 0 else { return }
            transition.marks.insert(.buffer)
            let hasMore = flags & UInt32(CL_CQE_F_BUF_MORE) != 0
            if hasMore { transition.marks.insert(.bufferMore) }
            let buffer = Int(flags >> 16)
            guard buffers.indices.contains(buffer), buffers[buffer] >= 0 else {
                return set.add(.foreignBuffer, "buffer \(buffer)")
            }
            let rest = buffers[buffer] - Int(max(0, result))
            if rest < 0 { set.add(.tooMany, "\(result) bytes into \(buffers[buffer])") }
            buffers[buffer] = hasMore ? max(0, rest) : -1
        }

        /// Tells the target of a cancel how it was answered, and the cancel whether its target was still there.
        private func answerCancel(_ transition: inout Transition, _ operation: Armed, _ result: Int32) {
            guard operation.target != 0 else { return }
            transition.target = armed[operation.target] == nil ? .over : .armed
            armed[operation.target]?.cancel = result >= 0 ? .found : result == -ENOENT ? .missed : .late
        }

        /// What the stream has been told by this.
        private func note(_ operation: Armed, _ result: Int32, _ recorder: ThreadRecorder) {
            // A descriptor that has been closed meanwhile may be somebody else's.
            guard var note = operation.isDirect ? places[operation.file] : recorder.note(of: operation.file)
            else { return }
            switch operation.subject {
            case .receiveMultishot, .receiveLimited, .receiveOnce:
                if result == 0 { note.told = .end }
                if result < 0, ![-ENOBUFS, -ECANCELED, -EAGAIN, -EINTR].contains(result) { note.told = .error }
            case .silentSend, .trackedSend:
                let passing = [-ENOBUFS, -ENOMEM, -ECANCELED, -EAGAIN, -EINTR]
                if result < 0, !passing.contains(result) { note.told = .error }
            case .shutdownDirect: note.side = .writeShut
            default: return
            }
            if operation.isDirect {
                places[operation.file] = note
            } else {
                recorder.keep(note, of: operation.file)
            }
        }

        private func describe(_ userData: UInt64) -> String {
            let key = CompletionKey(userData: userData)
            return "operation \(userData & 0xFF) of \(key.slot).\(key.generation)"
        }
    }
#endif
