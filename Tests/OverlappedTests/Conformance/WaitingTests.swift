// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Synchronization
import Testing

/// What ports promise about waiting and being woken.
@Suite struct WaitingTests {
    private struct Deadlines: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let rig = try Rig(make)
            for deadline in [0, 1, MonotonicClock.now() - 1_000_000_000] {
                let start = MonotonicClock.now()
                try rig.port.wait(until: deadline)
                while rig.port.next() != nil {}
                #expect(MonotonicClock.now() - start < 500_000_000, "a deadline in the past only looks")
            }
            // A port may return early, so it is asked until the time has come.
            let start = MonotonicClock.now()
            let deadline = start + 60_000_000
            var turns = 0
            while MonotonicClock.now() < deadline {
                try rig.port.wait(until: deadline)
                while rig.port.next() != nil {}
                turns += 1
            }
            #expect(MonotonicClock.now() - start < 5_000_000_000)
            #expect(turns < 1_000, "it sleeps instead of asking the clock")
        }
    }

    @Test("a deadline is kept, and one in the past only looks", arguments: PortKind.all)
    func deadlines(kind: PortKind) throws { try kind.check(Deadlines()) }

    private struct EarlyBell: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            var port = try make(4)
            let doorbell = port.doorbell
            for _ in 0..<3 { doorbell.ring() }
            try port.open()
            doorbell.ring()
            let start = MonotonicClock.now()
            try port.wait(until: start + 10_000_000_000)
            while port.next() != nil {}
            #expect(MonotonicClock.now() - start < 9_000_000_000)
        }
    }

    @Test("a doorbell before open is harmless, and one before wait is not lost", arguments: PortKind.all)
    func earlyBell(kind: PortKind) throws { try kind.check(EarlyBell()) }

    private struct PingPong: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let served = Atomic<Int>(0)
            let asked = Atomic<Int>(0)
            let rig = try Rig(make)
            let doorbell = rig.port.doorbell
            let count = 500
            // The other thread asks only when the last question has been answered.
            let caller = Background {
                let deadline = MonotonicClock.now() + 20_000_000_000
                for question in 1...count {
                    asked.store(question, ordering: .releasing)
                    doorbell.ring()
                    while served.load(ordering: .acquiring) < question, MonotonicClock.now() < deadline {
                        sched_yield()
                    }
                }
            }
            let start = MonotonicClock.now()
            while served.load(ordering: .relaxed) < count, MonotonicClock.now() - start < 20_000_000_000 {
                // A lost ring shows as a wait of a second.
                try rig.port.wait(until: MonotonicClock.now() + 1_000_000_000)
                while rig.port.next() != nil {}
                served.store(asked.load(ordering: .acquiring), ordering: .releasing)
            }
            caller.join()
            #expect(served.load(ordering: .relaxed) == count)
            #expect(MonotonicClock.now() - start < 10_000_000_000)
        }
    }

    @Test("a doorbell wakes a port that waits, from another thread, every time", arguments: PortKind.all)
    func pingPong(kind: PortKind) throws { try kind.check(PingPong()) }

    private struct BellStorm: PortRule {
        func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws {
            let pairs = try PairMaker()
            let rig = try Rig(make)
            let (near, peer) = try pairs.make()
            let stream = rig.add(near, slot: 0)
            let doorbell = rig.port.doorbell
            let ringers = (0..<2).map { _ in Background { for _ in 0..<5_000 { doorbell.ring() } } }
            for byte in UInt8(0)..<100 {
                try peer.send([byte])
                try rig.run("byte \(byte)") { stream.receivedCount > Int(byte) }
            }
            for ringer in ringers { ringer.join() }
            #expect(stream.bytes == Array(0..<100))
            rig.expectOrder()
        }
    }

    @Test("any number of rings disturbs nothing", arguments: PortKind.all)
    func storm(kind: PortKind) throws { try kind.check(BellStorm()) }
}
