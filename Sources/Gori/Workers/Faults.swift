// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import Glibc
    internal import Overlapped

    /// Faults that a debug build, or one with `-Xswiftc -DGORI_FAULTS`, can be told to have by its environment, so that
    /// tests can show that somebody notices. Not compiled into a release.
    enum Faults {
        /// `GORI_DROP_EVERY=N`: every N-th packet of a worker is lost before its handler.
        private static let dropEvery: UInt64 = getenv("GORI_DROP_EVERY").flatMap { UInt64(String(cString: $0)) } ?? 0

        /// Whether the packet with this number is lost.
        static func dropsPacket(_ number: UInt64) -> Bool { dropEvery > 0 && number % dropEvery == 0 }

        /// A worker's turn that takes too long.
        struct Stall {
            let worker: Int
            let milliseconds: Int
            let afterSeconds: Double
            /// Uses no processor time meanwhile.
            let sleeps: Bool

            /// `worker:milliseconds:afterSeconds`, and `:sleep` or `:spin`; to spin is the default.
            init?(_ text: String) {
                let parts = text.split(separator: ":", omittingEmptySubsequences: false)
                guard parts.count == 3 || parts.count == 4, let worker = Int(parts[0]),
                    let milliseconds = Int(parts[1]), let afterSeconds = Faults.seconds(parts[2]),
                    milliseconds > 0, milliseconds <= 3_600_000,
                    parts.count == 3 || parts[3] == "sleep" || parts[3] == "spin"
                else { return nil }
                self.worker = worker
                self.milliseconds = milliseconds
                self.afterSeconds = afterSeconds
                sleeps = parts.count == 4 && parts[3] == "sleep"
            }
        }

        /// A worker whose port breaks.
        struct Death {
            let worker: Int
            let afterSeconds: Double

            /// `worker:afterSeconds`.
            init?(_ text: String) {
                let parts = text.split(separator: ":", omittingEmptySubsequences: false)
                guard parts.count == 2, let worker = Int(parts[0]), let afterSeconds = Faults.seconds(parts[1]) else {
                    return nil
                }
                self.worker = worker
                self.afterSeconds = afterSeconds
            }
        }

        static func seconds(_ text: Substring) -> Double? {
            guard let seconds = Double(text), seconds >= 0, seconds <= 1_000_000 else { return nil }
            return seconds
        }

        /// `GORI_STALL`, once a server.
        static let stall = value("GORI_STALL", Stall.init)
        /// `GORI_KILL_WORKER`, once a server.
        static let death = value("GORI_KILL_WORKER", Death.init)

        private static func value<Value>(_ name: String, _ make: (String) -> Value?) -> Value? {
            guard let text = getenv(name).map({ String(cString: $0) }) else { return nil }
            guard let value = make(text) else { preconditionFailure("\(name) is not understood: \(text)") }
            return value
        }
    }

    /// The faults of one worker.
    struct WorkerFaults {
        private var stallDue = MonotonicClock.never
        private var deathDue = MonotonicClock.never
        /// The next wait fails.
        var isBroken = false

        init(worker: Int, startedAt: UInt64) {
            func due(_ seconds: Double) -> UInt64 { startedAt &+ UInt64(seconds * 1e9) }
            if let stall = Faults.stall, stall.worker == worker { stallDue = due(stall.afterSeconds) }
            if let death = Faults.death, death.worker == worker { deathDue = due(death.afterSeconds) }
        }

        /// When the worker has to be awake for the next of them.
        var nextDue: UInt64 { min(stallDue, deathDue) }

        func breakPortIfDue(now: UInt64) throws(PortError) {
            guard isBroken || now >= deathDue else { return }
            throw PortError(call: "wait", code: EBADF, explanation: "the port was told to break")
        }

        mutating func stallIfDue(now: UInt64, _ activity: UnsafeMutablePointer<WorkerActivity>) {
            guard now >= stallDue, let stall = Faults.stall else { return }
            stallDue = MonotonicClock.never
            activity.pointee.note(.fault)
            if stall.sleeps { Self.sleep(stall.milliseconds) } else { Self.spin(stall.milliseconds) }
        }

        private static func sleep(_ milliseconds: Int) {
            var time = timespec(tv_sec: milliseconds / 1_000, tv_nsec: milliseconds % 1_000 * 1_000_000)
            clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
        }

        /// Uses so much of the thread's processor time.
        private static func spin(_ milliseconds: Int) {
            func used() -> Int {
                var time = timespec()
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
                return time.tv_sec * 1_000_000_000 + time.tv_nsec
            }
            let end = used() + milliseconds * 1_000_000
            while used() < end {}
        }
    }

    extension RunningServer {
        /// Has a worker's port break: its next wait throws.
        func breakPort(of worker: Int) { post(.breakPort, to: worker) }
    }
#endif
