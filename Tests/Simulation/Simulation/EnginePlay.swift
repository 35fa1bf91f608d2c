// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Gori
internal import Overlapped
@_spi(Measuring) internal import SimulatedKernel

/// The engine under clients of every manner.
final class EnginePlay: Play {
    private let scenario: Scenario
    private let machine: SimulatedMachine
    private let listeners: [Int32]
    private let model: EngineModel
    private var isDraining = false
    /// Somebody else comes for one who has gone.
    private static let arrival = 1 << 19
    private static let thinking = 100_000...4_000_000

    init(_ scenario: Scenario, _ machine: SimulatedMachine, _ listeners: [Int32]) {
        self.scenario = scenario
        self.machine = machine
        self.listeners = listeners
        model = EngineModel(machine, scenario)
    }

    var sights: Sights { model.sights }

    func makeServer(startedAt: UInt64) -> SteppedServer {
        SteppedServer(
            EngineServer.make(scenario, model), workers: scenario.workers, startedAt: startedAt,
            hasTable: scenario.isDirect)
    }

    func begin() {
        for _ in 0..<scenario.clients { connect() }
    }

    private func connect() {
        let manner = machine.dice.chance(400) ? .normal : machine.dice.pick(EngineClient.Manner.allCases)
        let window = machine.dice.pick([256, 2_048, 16_384, 65_536, 262_144])
        let host = machine.dice.below(4)
        let port = 1_024 + model.clients.count % 60_000
        guard
            let socket = machine.connect(
                to: machine.dice.pick(listeners), window: window, address: SocketAddress("10.0.0.\(host):\(port)"))
        else { return }
        let client = EngineClient(UInt32(truncatingIfNeeded: model.clients.count), manner, socket, model)
        model.clients.append(client)
        schedule(client)
    }

    private func schedule(_ client: EngineClient) {
        let pause = machine.dice.within(Self.thinking) * (client.manner == .dripper ? 20 : 1)
        machine.schedule(Int(client.number), at: machine.now() + UInt64(pause))
    }

    func happen(_ event: Int, isHealing: Bool) {
        if model.open(event) { return }
        guard event != Self.arrival else { return isHealing || isDraining ? () : connect() }
        let client = model.clients[event]
        client.act(isHealing: isHealing)
        if client.state != .ended { return schedule(client) }
        guard !isHealing, !isDraining else { return }
        model.sights.see(.reconnected)
        machine.schedule(Self.arrival, at: machine.now() + UInt64(machine.dice.within(1_000_000...50_000_000)))
    }

    func checkTurn(_ worker: SimulatedWorker, _ index: Int) {}

    // MARK: The end

    var isSettled: Bool {
        for client in model.clients where client.isHealthy {
            if client.state == .connecting || !client.isSettled { return false }
        }
        return !model.overdueTimer(machine.now())
    }

    func prepareDrain() {
        isDraining = true
        model.openAllGates()
    }

    func checkEnd() {
        if model.openCount != 0 { machine.fail("\(model.openCount) sessions were opened and not ended") }
    }

    func end() { model.openAllGates() }
}
