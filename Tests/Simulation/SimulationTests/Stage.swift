// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) import Gori
@_spi(Measuring) import Overlapped
@_spi(Measuring) import SimulatedKernel
import Testing

/// One worker on a simulated kernel without faults, stepped by a test: what happens in which turn is the test's to say.
final class Stage<State> {
    let machine: SimulatedMachine
    let worker: SimulatedWorker
    private let server: SteppedServer
    private let listener: Int32

    init(_ server: Server<State>, features: UringFeatures = .all, plan: FaultPlan = FaultPlan(), seed: UInt64 = 1)
        throws
    {
        machine = SimulatedMachine(seed: seed, plan: plan)
        machine.travelRange = 1_000...1_000
        self.server = SteppedServer(server, workers: 1, startedAt: machine.now())
        var sizes = UringSizes()
        sizes.buffers = 64
        sizes.bufferSize = 65_536
        let port = try UringPort(
            capacity: 64, features: features, directDescriptors: false, sizes: sizes, kernel: machine)
        worker = SimulatedWorker(port, index: 0, of: self.server)
        listener = machine.listen()
        try worker.open(listeners: [listener])
    }

    /// A client that has been accepted.
    func connect(window: Int) throws -> SimulatedSocket {
        let socket = try #require(machine.connect(to: listener, window: window))
        try turns(2)
        return socket
    }

    /// Turns of the worker; what clients have sent before has arrived by then.
    func turns(_ count: Int) throws {
        for _ in 0..<count {
            machine.pass(nanoseconds: 10_000)
            try worker.step()
        }
        let failure = machine.failure
        #expect(failure == nil)
    }

    func stop() { server.stop() }
}

extension SimulatedSocket {
    func send(_ bytes: [UInt8]) { bytes.withUnsafeBytes { clientSend($0) } }

    /// Everything that can be read now.
    func receive() -> [UInt8] {
        var bytes: [UInt8] = []
        clientReceive(.max) { bytes += Array($0) }
        return bytes
    }
}
