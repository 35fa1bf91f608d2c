// SPDX-License-Identifier: Apache-2.0

internal import Wire

/// Runs the slow parts of a worker's handlers on the worker's own thread, between their suspensions.
///
/// Jobs come from any thread and arrive as letters; how many there can be is bounded where slow parts start.
final class WorkerExecutor: TaskExecutor {
    private let mailboxes: Mailboxes
    private let worker: Int

    init(mailboxes: Mailboxes, worker: Int) {
        self.mailboxes = mailboxes
        self.worker = worker
    }

    func enqueue(_ job: consuming ExecutorJob) {
        mailboxes.post(.job(UnownedJob(job)), to: worker)
    }

    /// Called on the worker's thread.
    func run(_ job: UnownedJob) { job.runSynchronously(on: asUnownedTaskExecutor()) }

    /// Starts a slow part; `then` runs on the worker when it has ended, unless the session has.
    func start(
        _ id: SessionID,
        _ slow: @escaping @Sendable () async throws -> @Sendable (Session, UnsafeMutableRawPointer) -> Void
    ) {
        let mailboxes = mailboxes
        let worker = worker
        Task(executorPreference: self) {
            let then: @Sendable (Session, UnsafeMutableRawPointer) -> Void
            do { then = try await slow() } catch { then = { session, _ in session.end(.failed) } }
            mailboxes.post(.finishSlowPart(id, then), to: worker)
        }
    }
}
