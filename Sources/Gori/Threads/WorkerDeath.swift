// SPDX-License-Identifier: Apache-2.0

internal import Overlapped

/// A worker's port is broken: its sessions end, the others learn of it, and its thread stays as a caretaker.
///
/// Order: nobody rings its doorbell any more; sessions end for the application and for the groups elsewhere; the port
/// goes, and with it every socket; then the log says so. What others posted before they knew is thrown away by the
/// caretaker until nobody serves any more.
struct WorkerDeath: ~Copyable {
    private let index: Int
    private let definition: ServerDefinition
    private let mailboxes: Mailboxes
    private let census: WorkerCensus
    private let executor: WorkerExecutor
    private var outboxes: Outboxes
    private let sessions: Int

    /// How often the caretaker looks for mail, in milliseconds: only what was posted at the moment of death comes.
    private static let interval = 20

    /// Ends what the worker has, and deinitialises it.
    init<Port: CompletionPort & ~Copyable>(of worker: UnsafeMutablePointer<Worker<Port>>, _ census: WorkerCensus) {
        index = worker.pointee.index
        definition = worker.pointee.definition
        mailboxes = worker.pointee.mailboxes
        executor = worker.pointee.executor
        self.census = census
        mailboxes.leave(index)
        var abandoned = worker.pointee.abandonSessions()
        sessions = abandoned.count
        outboxes = worker.pointee.takeOutboxes()
        worker.deinitialize(count: 1)
        worker.deallocate()
        // There is no port any more that could read it.
        abandoned.release()
    }

    /// Says what happened, and stops the server if that is what a death means here.
    func announce(_ error: PortError) {
        let living = census.died()
        let isOver = living == 0 || definition.configuration.whenWorkerDies == .stop
        let next =
            switch (living, isOver) {
            case (0, _): "no worker is left, the server ends"
            case (_, true): "the server stops, because its workers need each other"
            default: "\(living) of \(mailboxes.workerCount) workers go on"
            }
        definition.log("worker \(index) has died: \(error); its \(sessions) sessions have ended; \(next)")
        guard isOver else { return }
        for worker in 0..<mailboxes.workerCount where worker != index { mailboxes.post(.drain, to: worker) }
        census.stop(error)
    }

    /// Returns when no worker serves any more.
    mutating func takeCare() {
        repeat {
            outboxes.flush()
            discardMail()
        } while !census.waitUntilEmpty(milliseconds: outboxes.isBlocked ? 1 : Self.interval)
    }

    /// Throws away what is left, when no thread posts any more.
    mutating func discardMail() {
        for letter in mailboxes.takeLetters(of: index) {
            // A job must run to its end, whoever waits for it: only its outcome is nobody's any more.
            if case .job(let job) = letter { executor.run(job) }
        }
        mailboxes.discardMessages(to: index)
    }

    /// Throws away what was never posted.
    mutating func discardOutboxes() {
        for message in outboxes.takeWaiting() { mailboxes.discard(message) }
    }
}
