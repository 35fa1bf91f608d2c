// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import Glibc

    /// Calls with somebody who looks on; `errno` stays what the call has made of it.
    extension SystemCalls {
        /// The calls of this thread are a port's from now on; recorders know only ports that do everything by default.
        static func noteOwner(_ techniques: PortTechniques) {
            if TransitionLog.isOn { ThreadRecorder.current.isDeaf = !techniques.isEmpty }
        }

        static func noteClose(_ descriptor: Int32, _ result: Int32) {
            record(descriptor) { $0.closed(descriptor, result, $1) }
        }

        static func noteShutdown(_ descriptor: Int32, _ how: Int32, _ result: Int32) {
            record(descriptor) { $0.shut(descriptor, how, result, $1) }
        }

        static func noteAccept(_ listener: Int32, _ result: Int32) {
            record(listener) { $0.accepted(listener, result, $1) }
        }

        static func noteReceive(_ descriptor: Int32, _ room: Int, _ result: Int) {
            record(descriptor) { $0.received(descriptor, room: room, result, $1) }
        }

        static func noteSend(_ descriptor: Int32, _ asked: Int, _ result: Int) {
            record(descriptor) { $0.sent(descriptor, asked, result, $1) }
        }

        static func noteSend(_ descriptor: Int32, _ parts: UnsafeBufferPointer<IOVector>, _ result: Int) {
            record(descriptor) { $0.sent(descriptor, parts.reduce(0) { $0 &+ $1.count }, result, $1) }
        }

        /// A call of no descriptor at all is answered by no kernel in particular.
        private static func record(_ descriptor: Int32, _ note: (ThreadRecorder, Int32) -> Void) {
            guard TransitionLog.isOn, descriptor >= 0 else { return }
            let code = errno
            let recorder = ThreadRecorder.current
            if !recorder.isDeaf { note(recorder, code) }
            errno = code
        }
    }
#else
    extension SystemCalls {
        @inline(__always)
        static func noteOwner(_ techniques: PortTechniques) {}
        @inline(__always)
        static func noteClose(_ descriptor: Int32, _ result: Int32) {}
        @inline(__always)
        static func noteShutdown(_ descriptor: Int32, _ how: Int32, _ result: Int32) {}
        @inline(__always)
        static func noteAccept(_ listener: Int32, _ result: Int32) {}
        @inline(__always)
        static func noteReceive(_ descriptor: Int32, _ room: Int, _ result: Int) {}
        @inline(__always)
        static func noteSend(_ descriptor: Int32, _ asked: Int, _ result: Int) {}
        @inline(__always)
        static func noteSend(_ descriptor: Int32, _ parts: UnsafeBufferPointer<IOVector>, _ result: Int) {}
    }
#endif
