// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import Glibc
    internal import Platform

    /// The transitions of all ports of this process, written down when it ends.
    ///
    /// GORI_TRANSITIONS=FILE switches the recorders on, in a debug build or one with -DGORI_FAULTS. Each process
    /// appends to the file, so that many may share one. A line is whose kernel, a count and a transition.
    package enum TransitionLog {
        private static let path = getenv("GORI_TRANSITIONS").map { String(cString: $0) }
        /// What kernels of this machine have done, and what simulated ones have.
        private static let real = Lock(TransitionCounts())
        private static let simulated = Lock(TransitionCounts())

        /// Whether ports that are made from now on record.
        package static let isOn: Bool = {
            guard let path, !path.isEmpty else { return false }
            atexit { TransitionLog.write() }
            return true
        }()

        /// A set whose transitions end up here.
        static func makeSet(isForeign: Bool) -> TransitionSet {
            TransitionSet { more in (isForeign ? simulated : real).withLock { $0.add(more) } }
        }

        private static func write() {
            ThreadRecorder.current.tellNow()
            let lines = take(real).map { "real\t\($0)" } + take(simulated).map { "simulated\t\($0)" }
            guard let path, !lines.isEmpty else { return }
            let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { return complain(path) }
            defer { close(descriptor) }
            // One call, so that the lines of processes do not mix.
            let text = lines.joined(separator: "\n") + "\n"
            let written = text.utf8.withContiguousStorageIfAvailable {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if written != text.utf8.count { complain(path) }
        }

        private static func take(_ counts: Lock<TransitionCounts>) -> [String] {
            counts.withLock { counts in
                defer { counts = TransitionCounts() }
                return counts.lines
            }
        }

        private static func complain(_ path: String) {
            let text = "GORI_TRANSITIONS: \(path): \(String(cString: strerror(errno)))\n"
            _ = Glibc.write(STDERR_FILENO, text, text.utf8.count)
        }
    }
#endif
