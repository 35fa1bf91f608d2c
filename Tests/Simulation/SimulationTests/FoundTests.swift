// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) import Gori
@_spi(Measuring) import Overlapped
@_spi(Measuring) import SimulatedKernel
import Testing
import Wire

/// What the simulation has found, each as a few turns on a kernel without faults.
@Suite("Found by simulation")
struct FoundTests {
    @Test("whoever ends because all hold too much gets no later packet behind those that were dropped")
    func noGapBehindWhatWasDropped() throws {
        var configuration = ServerConfiguration()
        configuration.workers = 1
        configuration.memoryLimit = 200_000
        configuration.backlogLimit = 64 << 20
        configuration.backlogHighWater = 64 << 20
        configuration.maximumSessions = 8
        configuration.maximumSessionsPerAddress = 0
        let room = Group(1)
        let server = Server<Int>(configuration) { _ in 0 }
        server.onOpen { session, _ in session.join(room) }
        server.onAnyPacket { packet, session, _ in session.publish(raw: packet, to: room) }
        let stage = try Stage(server)
        let speaker = try stage.connect(window: 1 << 30)
        let deaf = try stage.connect(window: 10_000)
        var heard: [UInt8] = []
        for number in UInt8(0)..<120 {
            speaker.send([0xA0, 0x0F, 1, 0] + Array(repeating: number, count: 3_996))
            try stage.turns(1)
        }
        #expect(stage.worker.counters.endedForMemory == 1)
        for _ in 0..<2_000 where deaf.clientEnd == .none {
            heard += deaf.receive()
            try stage.turns(1)
        }
        heard += deaf.receive()
        let numbers = stride(from: 4, to: heard.count, by: 4_000).map { heard[$0] }
        #expect(numbers == Array(0..<UInt8(numbers.count)), "a prefix of what was said")
        #expect(heard.count % 4_000 == 0, "whole packets")
        try finish(stage)
    }

    private func finish(_ stage: Stage<Int>) throws {
        stage.stop()
        for _ in 0..<10_000 where !stage.worker.isStopped { try stage.turns(1) }
        #expect(stage.worker.isStopped)
    }
}
