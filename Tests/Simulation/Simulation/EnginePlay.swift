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
    @exclusivity(unchecked) private var turns: [Int]
    /// Everybody is looked at once in so many turns, because looking costs as much as a turn.
    private static let fairnessInterval = 8
    /// Turns of its worker for which a session that has input may be passed over. Half of all receives may be refused
    /// for want of a buffer, and each worker may have 64 sessions behind four buffers.
    private static let patience = 400
    /// Somebody else comes for one who has gone.
    private static let arrival = 1 << 19
    private static let thinking = 100_000...4_000_000

    init(_ scenario: Scenario, _ machine: SimulatedMachine, _ listeners: [Int32]) {
        self.scenario = scenario
        self.machine = machine
        self.listeners = listeners
        model = EngineModel(machine, scenario)
        turns = Array(repeating: 0, count: scenario.workers)
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
        let listener = machine.dice.chance(500) ? 0 : machine.dice.below(listeners.count)
        guard
            let socket = machine.connect(
                to: listeners[listener], window: window, address: SocketAddress("10.0.0.\(host):\(port)"))
        else { return }
        let client = EngineClient(UInt32(truncatingIfNeeded: model.clients.count), manner, socket, model)
        client.listener = listener
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

    func checkTurn(_ worker: SimulatedWorker, _ index: Int) {
        if worker.waitsForRoom { model.sights.see(.mailboxFull) }
        turns[index] += 1
        guard turns[index] % Self.fairnessInterval == 0 else { return }
        for client in model.clients where client.state == .open {
            guard let id = client.session, id.worker == index else { continue }
            if worker.isPaused(id) { model.sights.see(.backlogPaused) }
            checkFairness(client, isRead: worker.isRead(id))
        }
    }

    /// Nobody who is read and has something to say is passed over for long.
    private func checkFairness(_ client: EngineClient, isRead: Bool) {
        guard isRead, client.socket.unreadByServer > 0, client.socket.bytesRead == client.bytesReadBefore else {
            client.bytesReadBefore = client.socket.bytesRead
            client.turnsPassedOver = 0
            return
        }
        client.turnsPassedOver += Self.fairnessInterval
        guard client.turnsPassedOver > Self.patience else { return }
        machine.fail("client \(client.number) has been passed over for \(client.turnsPassedOver) turns of its worker")
    }

    // MARK: The end

    var lack: String? { nil }

    var isSettled: Bool {
        for client in model.clients where client.isHealthy {
            if client.state == .connecting || !client.isSettled { return false }
        }
        return !model.overdueTimer(machine.now())
    }

    func prepareDrain() {
        isDraining = true
        model.openAllGates()
        for client in model.clients where client.isHealthy && client.state == .open {
            // Some are deaf at the end, so that the deadlines of closes and of the drain are reached.
            client.isFrozen = machine.dice.chance(100)
            client.wasHealthyAtDrain = !client.isFrozen
        }
    }

    var isOver: Bool { model.clients.allSatisfy { $0.isFrozen || $0.state != .open || !$0.wasHealthyAtDrain } }

    func checkEnd() {
        for client in model.clients {
            client.checkFarewell()
            if client.session.map({ $0.worker != client.listener }) == true { model.sights.see(.handedOver) }
        }
        if model.openCount != 0 { machine.fail("\(model.openCount) sessions were opened and not ended") }
    }

    func end() { model.openAllGates() }
}
