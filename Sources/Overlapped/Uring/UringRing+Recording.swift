// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import CLiburing

    /// An enter with somebody who looks on: what was taken is read behind it, and then what appeared, in order.
    extension UringRing {
        mutating func recordIfWanted() {
            if TransitionLog.isOn { recorder = RingRecorder(TransitionLog.makeSet(isForeign: isForeign)) }
        }

        func enter(
            _ submit: UInt32, _ wait: UInt32, flags: UInt32, recordedBy recorder: RingRecorder?,
            _ argument: UnsafeRawPointer?, _ size: Int
        ) -> Int32 {
            guard let recorder else { return enterKernel(submit, wait, flags, argument, size) }
            let thread = ThreadRecorder.current
            let enter = RingRecorder.Enter(submits: submit, waits: wait, flags: flags)
            recorder.appeared(outsideEnter: completionTail &- recorder.seen)
            recorder.seen = completionTail
            var taken = cl_load(sqHead)
            let result = enterKernel(submit, wait, flags, argument, size)
            while taken != cl_load(sqHead) {
                let entry = sqes[Int(taken & sqMask)]
                if entry.user_data & 0xFF == UringOperation.filesUpdate {
                    let descriptor = UnsafePointer<Int32>(bitPattern: UInt(entry.addr))?.pointee ?? -1
                    recorder.registered(place: Int32(truncatingIfNeeded: entry.off), descriptor: descriptor)
                } else {
                    recorder.took(Submission(entry), in: thread)
                }
                taken &+= 1
            }
            let end = completionTail
            while recorder.seen != end {
                let entry = completion(recorder.seen).pointee
                recorder.completed(entry.user_data, entry.res, entry.flags, in: thread)
                recorder.seen &+= 1
            }
            recorder.left(enter, result, hasWorkLeft: hasTaskWork, isOverflowing: hasOverflow, in: thread)
            return result
        }
    }
#else
    extension UringRing {
        /// Nobody records in a release.
        @inline(__always)
        mutating func recordIfWanted() {}
    }
#endif
