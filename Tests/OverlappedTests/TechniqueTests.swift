// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Overlapped
import Synchronization
import Testing

/// That a technique is in force, and not only asked for: what ports do with it and not by default. That they keep
/// every promise with it is the conformance suite's.
@Suite struct TechniqueTests {
    private func uring(_ techniques: PortTechniques, disabled: UringFeatures = []) throws -> Rig<UringPort> {
        let features = try UringPreflight.run(disabled: disabled)
        return try Rig { try UringPort(capacity: $0, features: features, techniques: techniques) }
    }

    private func epoll(_ techniques: PortTechniques) throws -> Rig<EpollPort> {
        try Rig { try EpollPort(capacity: $0, techniques: techniques) }
    }

    /// Brings 20 messages one by one and returns how many submissions that took.
    private func submissions(of techniques: PortTechniques) throws -> UInt64 {
        let rig = try uring(techniques)
        let (near, peer) = try PairMaker().make()
        let stream = rig.add(near, slot: 1)
        try rig.turn(0)
        let before = rig.port.counters.submissions
        for count in 1...20 {
            try peer.send([UInt8(count)])
            try rig.run("message \(count)") { stream.receivedCount == count }
        }
        return rig.port.counters.submissions - before
    }

    @Test("one-shot-receive: a submission for each receive") func oneShotReceive() throws {
        #expect(try submissions(of: []) == 0)
        #expect(try submissions(of: .oneShotReceive) == 20)
    }

    /// Whether a completion appears while the thread makes other system calls than its port's.
    private func completesOutsideWaits(_ techniques: PortTechniques) throws -> Bool {
        let rig = try uring(techniques)
        let (near, peer) = try PairMaker().make()
        let stream = rig.add(near, slot: 1)
        try rig.turn(0)
        try peer.send([1])
        // By the time a poll sees the byte the kernel has told the ring.
        var waiting = pollfd(fd: near, events: Int16(POLLIN), revents: 0)
        let isSeen = rig.port.completionsWaiting > 0 || poll(&waiting, 1, 10_000) == 1
        #expect(isSeen)
        for _ in 0..<100 where rig.port.completionsWaiting == 0 { _ = getppid() }
        let isThere = rig.port.completionsWaiting > 0
        try rig.run("the byte") { stream.receivedCount == 1 }
        return isThere
    }

    @Test("eager-task-run: completions appear outside waits") func eagerTaskRun() throws {
        #expect(try !completesOutsideWaits([]))
        #expect(try completesOutsideWaits(.eagerTaskRun))
    }

    /// The kernel's thread of a ring; -1: none.
    private func pollingThread(_ techniques: PortTechniques) throws -> Int {
        let rig = try uring(techniques)
        try rig.turn(0)
        let text = try String(contentsOfFile: "/proc/self/fdinfo/\(rig.port.ringDescriptor)", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("SqThread:") })
        return try #require(Int(line.dropFirst(9).trimmingCharacters(in: .whitespaces)))
    }

    @Test("submission-polling: a ring has a thread of the kernel, and sends are submissions that are not silent")
    func submissionPolling() throws {
        #expect(try pollingThread([]) == -1)
        #expect(try pollingThread(.submissionPolling) > 0)
        let rig = try uring(.submissionPolling)
        #expect(!rig.port.features.contains(.silentSend))
        let (near, peer) = try PairMaker().make()
        let stream = rig.add(near, slot: 1, receives: false)
        let before = rig.port.counters.submissions
        rig.send(stream.key, [1, 2, 3])
        #expect(rig.port.counters.submissions == before + 1)
        try rig.turn(0)
        // A turn ends when its sends have.
        #expect(try peer.receive(exactly: 3) == [1, 2, 3])
        #expect(rig.port.counters.blockedSends == 0)
    }

    @Test("submission-polling forbids direct descriptors, and says so") func pollingDirectly() throws {
        let features = try UringPreflight.run()
        #expect(
            throws: PortError(call: "io_uring direct descriptors with submission-polling", code: EOPNOTSUPP)
        ) {
            _ = try UringPort(
                capacity: 4, features: features, directDescriptors: true, techniques: .submissionPolling)
        }
    }

    /// A question is asked only when the last has been answered, so that a port waits with one thing to come.
    private func answers(_ disabled: UringFeatures) throws {
        let rig = try uring(.fixedWait, disabled: disabled)
        let (near, peer) = try PairMaker().make()
        let stream = rig.add(near, slot: 1)
        let answered = Atomic<Int>(0)
        let asking = Background {
            for count in 1...200 {
                guard (try? peer.send([7])) != nil, (try? peer.receive(exactly: 1)) != nil else { return }
                answered.store(count, ordering: .relaxed)
            }
        }
        let start = MonotonicClock.now()
        for count in 1...200 {
            while stream.receivedCount < count { try rig.turn(5_000) }
            rig.send(stream.key, [7])
        }
        try rig.turn(0)
        asking.join()
        #expect(answered.load(ordering: .relaxed) == 200)
        // One wait to its deadline would be five seconds by itself.
        #expect(MonotonicClock.now() - start < 5_000_000_000, "something came as late as the deadline")
    }

    @Test("fixed-wait: a lone completion is not held until the deadline", arguments: [[], UringFeatures.all])
    func fixedWait(disabled: UringFeatures) throws { try answers(disabled) }

    @Test("fixed-wait: who has nothing to do sleeps", arguments: [[], UringFeatures.all])
    func fixedWaitSleeps(disabled: UringFeatures) throws {
        let rig = try uring(.fixedWait, disabled: disabled)
        try rig.turn(0)
        let before = rig.port.counters.systemCalls
        let doorbell = rig.port.doorbell
        let hasRung = Atomic<Bool>(false)
        let ringer = Background {
            var nothing = pollfd()
            _ = poll(&nothing, 0, 500)
            hasRung.store(true, ordering: .sequentiallyConsistent)
            doorbell.ring()
        }
        while !hasRung.load(ordering: .sequentiallyConsistent) {
            try rig.port.wait(until: MonotonicClock.never)
            while rig.port.next() != nil {}
        }
        ringer.join()
        // 500 ms in steps of 50 µs would be thousands; a ring that was taken down interrupts a few waits.
        #expect(rig.port.counters.systemCalls - before < 500)
    }

    /// System calls of a pause and a resume.
    private func callsOfPause(_ techniques: PortTechniques) throws -> UInt64 {
        let rig = try epoll(techniques)
        let (near, peer) = try PairMaker().make()
        let stream = rig.add(near, slot: 1)
        try peer.send([1])
        try rig.run("a byte") { stream.receivedCount == 1 }
        let before = rig.port.counters.systemCalls
        rig.port.pause(stream.key)
        rig.port.receive(stream.key)
        return rig.port.counters.systemCalls - before
    }

    @Test("level-triggered: a stream is watched only for what is wanted") func levelTriggered() throws {
        #expect(try callsOfPause([]) == 0)
        #expect(try callsOfPause(.levelTriggered) == 2)
    }

    @Test("level-triggered: a paused stream with bytes and an end waiting does not keep its port awake")
    func levelTriggeredSleeps() throws {
        let rig = try epoll(.levelTriggered)
        let (near, peer) = try PairMaker().make()
        let stream = rig.add(near, slot: 1)
        try peer.send([1])
        try rig.run("a byte") { stream.receivedCount == 1 }
        rig.port.pause(stream.key)
        try peer.send([2])
        peer.close()
        let before = rig.port.counters.systemCalls
        let end = MonotonicClock.now() + 100_000_000
        while MonotonicClock.now() < end {
            try rig.port.wait(until: end)
            while rig.port.next() != nil {}
        }
        // A port that is kept awake makes tens of thousands; a ring that was taken down interrupts a few.
        #expect(rig.port.counters.systemCalls - before < 1_000)
        rig.port.receive(stream.key)
        try rig.run("the rest") { stream.receivedCount == 2 && stream.finished + stream.ended.count == 1 }
    }

    /// Submissions, or calls, of a send of five parts.
    private func sends<P: TestedPort>(_ rig: Rig<P>) throws -> UInt64 {
        let (near, peer) = try PairMaker().make()
        let stream = rig.add(near, slot: 1, receives: false)
        try rig.turn(0)
        let before = rig.port.counters.submissions
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 15, alignment: 8)
        defer { bytes.deallocate() }
        bytes.copyBytes(from: 1...15)
        rig.send(stream.key, (0..<5).map { UnsafeRawBufferPointer(rebasing: bytes[$0 * 3..<$0 * 3 + 3]) })
        try rig.turn(0)
        #expect(try peer.receive(exactly: 15) == [UInt8](1...15))
        return rig.port.counters.submissions - before
    }

    @Test("send-per-packet: each part is a send of its own") func sendPerPacket() throws {
        #expect(try sends(uring([])) == 1)
        #expect(try sends(uring(.sendPerPacket)) == 5)
        #expect(try sends(uring([.sendPerPacket, .submissionPolling])) == 5)
        #expect(try sends(epoll([])) == 1)
        #expect(try sends(epoll(.sendPerPacket)) == 5)
    }
}
