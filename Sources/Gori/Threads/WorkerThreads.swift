// SPDX-License-Identifier: Apache-2.0

/// The threads of a server's workers, joined once; a second call returns at once.
final class WorkerThreads: @unchecked Sendable {
    private var threads: [WorkerThreadBox] = []
    private let lock = JoinLock()
    /// Set before the server is handed out.
    var watchdog: Watchdog?

    /// Called before the server is handed out.
    func add(_ thread: consuming WorkerThread) { threads.append(WorkerThreadBox(thread)) }

    func join() {
        lock.withLock {
            for thread in threads { thread.join() }
            threads = []
            watchdog?.join()
            watchdog = nil
        }
    }
}
