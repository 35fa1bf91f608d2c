// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// SIGINT and SIGTERM as something to wait for. Made before any thread starts, so that none of them is interrupted.
struct TerminationSignals {
    private var set = sigset_t()
    private let waiter = pthread_self()

    init() {
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Returns when one of them has come.
    func wait() {
        var set = set
        var received: Int32 = 0
        while sigwait(&set, &received) != 0 {}
    }

    /// Has `wait` return, from any thread: sends its thread, where the signal is blocked, a SIGTERM of its own.
    func interrupt() { pthread_kill(waiter, SIGTERM) }
}
