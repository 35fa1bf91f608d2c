// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import Glibc

    /// Submissions that fail although the kernel would have taken them, which it does on demand of nobody. Not compiled
    /// into a release.
    ///
    /// GORI_REFUSE_SUBMITS=N: every N-th io_uring_enter(2) with something to submit is refused with EBUSY, EAGAIN or
    /// EINTR, or takes one entry of all, in turn. Whoever gives memory back then, because it has "been submitted",
    /// sends what is written there next.
    struct SubmitFaults {
        enum Outcome {
            case none
            case refuse(Int32)
            case takeOne
        }

        var every: UInt32 = getenv("GORI_REFUSE_SUBMITS").flatMap { UInt32(String(cString: $0)) } ?? 0
        private var count: UInt32 = 0

        mutating func next(_ queued: UInt32) -> Outcome {
            guard every > 0, queued > 0 else { return .none }
            count &+= 1
            guard count % every == 0 else { return .none }
            switch (count / every) % 4 {
            case 0: return .refuse(EBUSY)
            case 1: return .refuse(EAGAIN)
            case 2: return .refuse(EINTR)
            default: return queued > 1 ? .takeOne : .refuse(EBUSY)
            }
        }
    }
#endif
