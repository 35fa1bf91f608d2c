// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// Ctrl-C, SIGTERM and the terminal's end as a wish to stop; the second of them ends the process at once.
enum Interruption {
    private static let isWanted = Atomic<Bool>(false)

    /// From here on signals only leave a note. Called once, before children are started.
    static func listen() {
        // Makes the flag now: a handler may not.
        isWanted.store(false, ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Interruption.isWanted.store(true, ordering: .relaxed) }
        // Without SA_RESTART: what waits for a child is woken.
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaction(signal, &action, nil) }
        signal(SIGPIPE, SIG_IGN)
    }

    /// - Throws: `.interrupted` after a signal.
    static func check() throws(StudyError) {
        if isWanted.load(ordering: .relaxed) { throw .interrupted }
    }
}
