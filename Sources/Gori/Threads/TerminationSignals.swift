// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// SIGINT, SIGTERM and SIGUSR1 as something to wait for. Made before any thread starts, so that none of them is
/// interrupted.
struct TerminationSignals {
    private var set = sigset_t()
    private let waiter = pthread_self()

    init() {
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGUSR1)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Returns when SIGINT or SIGTERM has come; SIGUSR1 only asks for a report.
    func wait(report: () -> Void) {
        var set = set
        var received: Int32 = 0
        while true {
            guard sigwait(&set, &received) == 0 else { continue }
            guard received == SIGUSR1 else { return }
            report()
        }
    }

    /// Has `wait` return, from any thread: sends its thread, where the signal is blocked, a SIGTERM of its own.
    func interrupt() { pthread_kill(waiter, SIGTERM) }
}
