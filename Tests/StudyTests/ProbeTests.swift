// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Overlapped
import Testing

@testable import Study

/// What is read of pipes, /proc and /sys.
@Suite("Probes")
struct ProbeTests {
    @Test("Lines come whole, however they were written, and what is not ended never") func lines() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        var reader = LineReader(ends[0])
        func write(_ text: String) { _ = Glibc.write(ends[1], text, text.utf8.count) }
        write("one\ntw")
        reader.fill()
        #expect(reader.take() == "one")
        #expect(reader.take() == nil)
        write("o\n\nthree")
        reader.fill()
        #expect(reader.take() == "two")
        #expect(reader.take() == "")
        #expect(reader.take() == nil)
        close(ends[1])
        reader.fill()
        #expect(reader.hasEnded)
        #expect(reader.take() == nil)
    }

    @Test("What an epoll set watches edge-triggered") func edgeTriggered() {
        let text = """
            pos:\t0
            tfd:        5 events: 8000201f data:              102  pos:0 ino:1 sdev:8
            tfd:        6 events:       19 data:              202  pos:0 ino:1 sdev:8
            tfd:        7 events: 80000019 data:                3  pos:0 ino:1 sdev:8
            """
        #expect(ProcessFacts.edgeTriggeredCount(in: text) == 2)
        #expect(ProcessFacts.edgeTriggeredCount(in: "SqThread:\t-1\n") == 0)
    }

    @Test func processorLists() {
        #expect(Cores.list("0-3\n") == [0, 1, 2, 3])
        #expect(Cores.list("0,4") == [0, 4])
        #expect(Cores.list("7") == [7])
        #expect(Cores.list("1-2,8-9,12\n") == [1, 2, 8, 9, 12])
        #expect(Cores.list("").isEmpty && Cores.list("3-1").isEmpty)
    }

    @Test("The two processors are different ones, or none is pinned") func cores() {
        let cores = Cores.pick()
        #expect((cores.server == nil) == (cores.load == nil))
        if let server = cores.server { #expect(server != cores.load) }
    }

    @Test func thisProcess() {
        let own = getpid()
        #expect(!ProcessFacts.threads(of: own).isEmpty)
        #expect(ProcessFacts.descriptorCount(of: own) > 2)
        #expect(ProcessFacts.residentKiB(of: own) > 1_000)
        let before = ProcessFacts.switches(of: own)
        #expect(before.voluntary + before.forced > 0)
    }

    @Test("Of a processor that is shared, what is lost is what was neither idle nor the server's") func lostTime()
        throws
    {
        #expect(ProcessFacts.threadLimit() > 100)
        let idle = try #require(LostTime.idleNanoseconds(of: 0))
        #expect(idle > 0 && idle % 1_000_000 == 0)
        #expect(LostTime.idleNanoseconds(of: 1 << 20) == nil)
        var order = LoadOrder(
            port: 1, server: getpid(), workload: WorkloadTable.all[0], spins: false, sharedCore: 0)
        let lost = LostTime(order)
        let first = lost.read(at: 0, server: 0)
        // A second in which the server had nothing: idle or somebody else's.
        let second = lost.between(first, lost.read(at: 1_000_000_000, server: 0))
        #expect(second > 500_000_000)
        #expect(second >= 400_000_000 + lost.between(first, lost.read(at: 1_000_000_000, server: 500_000_000)))
        order.sharedCore = nil
        let alone = LostTime(order)
        #expect(alone.between(alone.read(at: 0, server: 0), alone.read(at: 1 << 40, server: 0)) < 1 << 39)
    }

    @Test("Of a listener, the connections that it has not accepted") func listenQueue() throws {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:0000000C 00:00000000 00000000     0        0 1 1 0 100
               1: 0100007F:1F90 0100007F:D431 01 00000000:00000005 00:00000000 00000000     0        0 2 1 0 100
               2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100
            """
        #expect(ListenQueue.length(of: 8_080, in: table) == 12)
        #expect(ListenQueue.length(of: 8_081, in: table) == 0)
        #expect(ListenQueue.length(of: 8_082, in: table) == nil)
        let anywhere = try #require(SocketAddress("127.0.0.1:0"))
        let listener = try Sockets.listen(on: anywhere, sharesPort: false)
        defer { Sockets.close(listener) }
        let address = try #require(SocketAddress(localOf: listener))
        #expect(ListenQueue.length(of: address.port) == 0)
        let client = try Sockets.connect(to: address)
        defer { Sockets.close(client) }
        #expect(ListenQueue.length(of: address.port) == 1)
    }

    @Test func numbersOfAStatus() {
        let text = "Name:\tx\nnonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t12\nVmRSS:\t  345 kB\n"
        #expect(ProcessFacts.number(of: "voluntary_ctxt_switches", in: text) == 12)
        #expect(ProcessFacts.number(of: "nonvoluntary_ctxt_switches", in: text) == 7)
        #expect(ProcessFacts.number(of: "VmRSS", in: text) == 345)
        #expect(ProcessFacts.number(of: "VmSwap", in: text) == 0)
    }

    @Test("A process's processor time goes on while it works, and there is none of nobody's") func clocks() throws {
        let clock = try #require(Clock.processor(of: getpid()))
        let (before, own) = (Clock.read(clock), Clock.ownProcessor())
        while Clock.ownProcessor() <= own + 1_000 {}
        #expect(Clock.read(clock) > before)
        // Above every pid_max.
        #expect(Clock.processor(of: 1 << 23) == nil)
    }
}
