// SPDX-License-Identifier: Apache-2.0

/// A worker's messages that did not fit into their ring, by peer and in order; tried again every turn.
struct Outboxes: ~Copyable {
    /// Whether anything waits for room.
    private(set) var isBlocked = false
    private var touched: UInt64 = 0
    private var waiting: [[Message]]
    let mailboxes: Mailboxes
    let worker: Int

    init(mailboxes: Mailboxes, worker: Int) {
        self.mailboxes = mailboxes
        self.worker = worker
        waiting = Array(repeating: [], count: mailboxes.workerCount)
    }

    /// Sends to another worker, now or when there is room; to nobody when it has died.
    mutating func post(_ message: Message, to target: Int) {
        precondition(target != worker && target < mailboxes.workerCount)
        guard !mailboxes.isGone(target) else { return mailboxes.discard(message) }
        touched |= 1 << UInt64(target)
        if waiting[target].isEmpty, mailboxes.post(message, from: worker, to: target) { return }
        waiting[target].append(message)
        isBlocked = true
    }

    /// Whether a message to `target` would have to wait.
    func isFull(_ target: Int) -> Bool { !waiting[target].isEmpty }

    /// How many messages wait for `target`.
    func waitingCount(_ target: Int) -> Int { waiting[target].count }

    /// How many messages wait in all.
    var waitingCount: Int { waiting.reduce(0) { $0 + $1.count } }

    /// Tries what waits, and wakes whoever got something in this turn.
    mutating func flush() {
        if isBlocked { retry() }
        guard touched != 0 else { return }
        for target in 0..<mailboxes.workerCount where touched & 1 << UInt64(target) != 0 { mailboxes.wake(target) }
        touched = 0
    }

    /// Takes out what will never be posted.
    mutating func takeWaiting() -> [Message] {
        defer { for target in waiting.indices { waiting[target] = [] } }
        return Array(waiting.joined())
    }

    private mutating func retry() {
        isBlocked = false
        for target in 0..<waiting.count where !waiting[target].isEmpty {
            if mailboxes.isGone(target) {
                for message in waiting[target] { mailboxes.discard(message) }
                waiting[target] = []
                continue
            }
            var sent = 0
            while sent < waiting[target].count, mailboxes.post(waiting[target][sent], from: worker, to: target) {
                sent += 1
            }
            if sent > 0 { touched |= 1 << UInt64(target) }
            waiting[target].removeFirst(sent)
            if !waiting[target].isEmpty { isBlocked = true }
        }
    }
}
