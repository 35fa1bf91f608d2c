// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) import Overlapped
@_spi(Measuring) import SimulatedKernel
import Testing

/// What ports do when a kernel does what real ones seldom do: a port alone, and a plan that says what happens.
@Suite("A port on a simulated kernel")
struct PortTests {
    private static func port(_ machine: SimulatedMachine, directDescriptors: Bool = false) throws -> UringPort {
        var sizes = UringSizes()
        sizes.buffers = 8
        sizes.bufferSize = 4_096
        var port = try UringPort(
            capacity: 4, features: .all, directDescriptors: directDescriptors, sizes: sizes, kernel: machine)
        try port.open()
        return port
    }

    @Test("an accept that a cancel does not find is cancelled again until it is")
    func cancelOfAccept() throws {
        let machine = SimulatedMachine(seed: 1)
        var port = try Self.port(machine)
        port.accept(on: machine.listen(), listener: 0)
        try port.wait(until: 0)
        machine.plan[.cancelRace] = 1_000
        port.stopAccepting(listener: 0)
        try port.wait(until: 0)
        let early = port.next()
        #expect(early == nil)
        machine.plan[.cancelRace] = 0
        var stops = 0
        for _ in 0..<10 {
            try port.wait(until: 0)
            while let completion = port.next() { stops += completion.kind == .acceptStopped ? 1 : 0 }
        }
        #expect(stops == 1)
        let repeated = port.counters.cancelsRepeated
        #expect(repeated == 1)
        let failure = machine.failure
        #expect(failure == nil)
    }

    @Test("a stream of a descriptor that never was one ends, in the ring's table too", arguments: [false, true])
    func deadDescriptor(isDirect: Bool) throws {
        let machine = SimulatedMachine(seed: 1)
        var port = try Self.port(machine, directDescriptors: isDirect)
        let key = CompletionKey(slot: 1, generation: 1)
        port.associate(-1, key: key)
        port.receive(key)
        var kinds: [Completion.Kind] = []
        for _ in 0..<3 {
            try port.wait(until: 0)
            while let completion = port.next() {
                kinds.append(completion.kind)
                if completion.kind == .ended { port.close(key, hard: true) }
            }
        }
        #expect(kinds == [.ended, .closed])
        let failure = machine.failure
        #expect(failure == nil)
    }

    @Test("behind an end of stream a reset is told to senders and not to readers")
    func resetBehindFinish() throws {
        let machine = SimulatedMachine(seed: 1)
        machine.travelRange = 1_000...1_000
        var port = try EpollPort(capacity: 4, kernel: machine)
        let listener = machine.listen()
        let client = try #require(machine.connect(to: listener, window: 100))
        let key = CompletionKey(slot: 0, generation: 1)
        port.associate(machine.accept(listener), key: key)
        port.receive(key)
        client.clientFinish()
        client.clientReset()
        machine.pass(nanoseconds: 10_000)
        try port.wait(until: 0)
        let finished = port.next()
        #expect(finished?.kind == .finished)
        let byte: [UInt8] = [1]
        byte.withUnsafeBytes { bytes in
            [IOVector(bytes)].withUnsafeBufferPointer { port.send(key, $0) }
        }
        try port.wait(until: 0)
        let ended = port.next()
        #expect(ended?.kind == .ended)
        #expect(ended?.result == 32, "EPIPE")
    }
}
