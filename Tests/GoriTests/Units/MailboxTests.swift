// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Synchronization
import Testing

@testable import Gori

@Suite struct MailboxTests {
    @Test("a ring is first in first out, and says no when it is full")
    func ring() {
        let ring = MessageRing(capacity: 4)
        #expect(ring.isEmpty)
        #expect(ring.pop() == nil)
        for round in UInt64(0)..<1_000 {
            for index in UInt64(0)..<4 { #expect(ring.push(Message(tag: 9, payload: round * 4 + index))) }
            #expect(!ring.isEmpty)
            #expect(!ring.takeFoundFull())
            #expect(!ring.push(Message(tag: 9, payload: 0)))
            #expect(ring.takeFoundFull())
            #expect(!ring.takeFoundFull())
            for index in UInt64(0)..<4 { #expect(ring.pop()?.payload == round * 4 + index) }
            #expect(ring.pop() == nil)
        }
    }

    @Test("letters from many threads all arrive, those of one thread in order")
    func letters() {
        let mailboxes = Mailboxes(workerCount: 1)
        let count = TestLevel.isFull ? 100_000 : 10_000
        let writers = (0..<3).map { writer in
            Background {
                for number in 0..<count {
                    let id = SessionID(worker: writer, slot: number, generation: 0)
                    mailboxes.post(.finishSlowPart(id, { _, _ in }), to: 0)
                }
            }
        }
        var next = [0, 0, 0]
        let deadline = MonotonicClock.now() + 120_000_000_000
        while next != [count, count, count], MonotonicClock.now() < deadline {
            for letter in mailboxes.takeLetters(of: 0) {
                guard case .finishSlowPart(let id, _) = letter else { continue }
                #expect(id.slot == next[id.worker])
                next[id.worker] += 1
            }
        }
        for writer in writers { writer.join() }
        #expect(next == [count, count, count])
        // A letter may be taken before its writer says that there is one: that costs a look, and no more.
        #expect(mailboxes.takeLetters(of: 0).isEmpty)
        #expect(mailboxes.prepareToSleep(0))
    }

    @Test("a worker with mail does not go to sleep")
    func noSleep() {
        let mailboxes = Mailboxes(workerCount: 2)
        #expect(mailboxes.post(Message(tag: 16, payload: 1), from: 1, to: 0))
        #expect(!mailboxes.prepareToSleep(0))
        mailboxes.wake(0)
        mailboxes.wakeUp(0)
        #expect(mailboxes.next(from: 1, to: 0)?.payload == 1)
        #expect(mailboxes.prepareToSleep(0))
        mailboxes.post(.drain, to: 0)
        #expect(!mailboxes.prepareToSleep(0))
        #expect(mailboxes.takeLetters(of: 0).count == 1)
        #expect(mailboxes.takeLetters(of: 0).isEmpty)
    }

    @Test("a worker without mail leaves it to the doorbell, is rung once a turn, and says that it is awake after mail")
    func seldomMail() {
        let mailboxes = Mailboxes(workerCount: 2)
        #expect(mailboxes.prepareToSleep(0))
        mailboxes.wakeUp(0)
        mailboxes.post(.drain, to: 0)
        #expect(!mailboxes.sleepsOverMail(0), "the first who posts rings, and takes back that it is to be rung")
        #expect(!mailboxes.prepareToSleep(0), "who has been rung looks")
        mailboxes.wakeUp(0)
        #expect(mailboxes.takeLetters(of: 0).count == 1)
        // What nobody takes from here on shows whether it is to be rung.
        mailboxes.post(.drain, to: 0)
        var turns = 0
        repeat {
            turns += 1
            _ = mailboxes.prepareToSleep(0)
            mailboxes.wakeUp(0)
        } while !mailboxes.sleepsOverMail(0) && turns < 1_000
        #expect(turns == 17, "it says that it is awake for 16 turns after its last mail")
    }

    @Test("what does not fit into a ring waits in the outbox, in order")
    func outbox() {
        let mailboxes = Mailboxes(workerCount: 2, ringCapacity: 2)
        var outboxes = Outboxes(mailboxes: mailboxes, worker: 0)
        for number in UInt64(0)..<10 { outboxes.post(Message(tag: 16, payload: number), to: 1) }
        var isBlocked = outboxes.isBlocked
        #expect(isBlocked)
        let waiting = outboxes.waitingCount(1)
        #expect(waiting == 8)
        var received: [UInt64] = []
        for _ in 0..<10 {
            while let message = mailboxes.next(from: 0, to: 1) { received.append(message.payload) }
            outboxes.flush()
        }
        isBlocked = outboxes.isBlocked
        #expect(!isBlocked)
        #expect(received == Array(0..<10))
    }

    // MARK: Two workers

    /// One of two workers that post to each other, as a worker's turn does it.
    private struct Party: ~Copyable {
        let index: Int
        let count: UInt64
        let mailboxes: Mailboxes
        var port: UringPort
        var outboxes: Outboxes
        var sent: UInt64 = 0
        var received: UInt64 = 0
        var hasSentLast = false
        var peerHasEnded = false
        var isOutOfOrder = false
        var lostWakes = 0
        var sleeps = 0
        private var idleTurns = 0
        private var dice: Dice
        /// Nobody runs ahead of the other by more, so that both sleep often.
        static let window: UInt64 = 24

        init(index: Int, count: UInt64, mailboxes: Mailboxes, port: consuming UringPort) {
            self.index = index
            self.count = count
            self.mailboxes = mailboxes
            self.port = port
            outboxes = Outboxes(mailboxes: mailboxes, worker: index)
            dice = Dice(seed: UInt64(index))
        }

        /// What says that nothing follows; a busy machine gets through fewer messages in the time there is.
        static let lastTag: UInt32 = 17
        var maySend: Bool { !hasSentLast && (peerHasEnded || sent < received + Self.window) }
        var isDone: Bool { hasSentLast && peerHasEnded && !outboxes.isBlocked }

        mutating func run(sendingUntil budget: UInt64, until end: UInt64) throws {
            try port.open()
            while !isDone, MonotonicClock.now() < end {
                try wait()
                mailboxes.wakeUp(index)
                takeMail()
                if mailboxes.wasFull(from: 1 - index, to: index) { mailboxes.wake(1 - index) }
                var messages = 8
                while maySend, messages > 0 {
                    hasSentLast = sent == count || MonotonicClock.now() > budget
                    let tag = hasSentLast ? Self.lastTag : 16
                    outboxes.post(Message(tag: tag, payload: sent), to: 1 - index)
                    if !hasSentLast { sent += 1 }
                    messages -= 1
                }
                outboxes.flush()
            }
        }

        private mutating func takeMail() {
            while let message = mailboxes.next(from: 1 - index, to: index) {
                idleTurns = 0
                // The last message says how many there were.
                if message.payload != received || peerHasEnded { isOutOfOrder = true }
                if message.tag == Self.lastTag { peerHasEnded = true } else { received += 1 }
            }
        }

        /// Sleeps at once now and then, and else only when nothing has come for some turns, or millions would take
        /// minutes.
        private mutating func wait() throws {
            idleTurns += 1
            guard idleTurns > 30 || dice.chance(3) else {
                sched_yield()
                return
            }
            guard mailboxes.prepareToSleep(index), !maySend else { return }
            let now = MonotonicClock.now()
            let isBlocked = outboxes.isBlocked
            try port.wait(until: now + (isBlocked ? 1_000_000 : 2_000_000_000))
            while port.next() != nil {}
            sleeps += 1
            // Nobody rang for two seconds, and yet there is mail.
            if !isBlocked, MonotonicClock.now() - now > 1_900_000_000, mailboxes.sleepsOverMail(index) {
                lostWakes += 1
            }
        }
    }

    @Test(
        "two workers post millions of messages through rings of 2: all arrive once and in order",
        arguments: [true, false])
    func twoWorkers(hasMessageRing: Bool) throws {
        let full: UInt64 = TestLevel.isFull ? 10_000_000 : 1_000_000
        let count = hasMessageRing ? full : full / 10
        let mailboxes = Mailboxes(workerCount: 2, ringCapacity: 2)
        let features = try UringPreflight.run(disabled: hasMessageRing ? [] : .messageRing)
        let failures = Mutex<[String]>([])
        let sleeps = Atomic<Int>(0)
        let budget = MonotonicClock.now() + (TestLevel.isFull ? 60 : 10) * 1_000_000_000
        let end = budget + 60_000_000_000
        // Both stay until both have ended, because a port that is gone must not be rung.
        let standing = Atomic<Int>(2)
        let installed = Atomic<Int>(0)
        let work: @Sendable (Int) -> Void = { index in
            do {
                let port = try UringPort(capacity: 1, features: features)
                mailboxes.install(port.doorbell, of: index)
                installed.add(1, ordering: .acquiringAndReleasing)
                while installed.load(ordering: .acquiring) < 2, MonotonicClock.now() < end { sched_yield() }
                var party = Party(index: index, count: count, mailboxes: mailboxes, port: port)
                try party.run(sendingUntil: budget, until: end)
                let (sent, received) = (party.sent, party.received)
                if !party.isDone || received < 5_000 || party.isOutOfOrder || party.lostWakes > 0 {
                    let note = "worker \(index): sent \(sent), received \(received), lost wakes \(party.lostWakes)"
                    failures.withLock { $0.append(note) }
                }
                sleeps.add(party.sleeps, ordering: .relaxed)
                standing.subtract(1, ordering: .acquiringAndReleasing)
                while standing.load(ordering: .acquiring) > 0, MonotonicClock.now() < end { sched_yield() }
            } catch {
                failures.withLock { $0.append("\(error)") }
                standing.subtract(1, ordering: .acquiringAndReleasing)
            }
        }
        let other = Background { work(1) }
        work(0)
        other.join()
        let all = failures.withLock { $0 }
        #expect(all.isEmpty)
        #expect(sleeps.load(ordering: .relaxed) > 0, "the doorbell was needed")
    }
}
