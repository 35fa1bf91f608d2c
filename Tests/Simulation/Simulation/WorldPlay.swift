// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Gori
@_spi(Measuring) internal import SimulatedKernel
internal import Storage
internal import World
internal import WorldServer

/// The world under walking players: regions, ticks and frames on all workers.
final class WorldPlay: Play {
    private let scenario: Scenario
    private var accounts: AccountService?
    private let status: TickStatus
    private let machine: SimulatedMachine
    private let listeners: [Int32]
    private var players: [WorldPlayer] = []
    @exclusivity(unchecked) var sights = Sights()
    private var isDraining = false
    /// What was missing when it was last asked whether all is settled.
    private(set) var lack: String?
    /// Since when nobody has anything under way.
    private var quietSince: UInt64 = 0
    let world: WorldConfiguration
    private static let arrival = 1 << 19

    init(_ scenario: Scenario, _ machine: SimulatedMachine, _ listeners: [Int32]) {
        self.scenario = scenario
        self.machine = machine
        self.listeners = listeners
        status = TickStatus(workerCount: scenario.workers)
        let side = machine.dice.pick([24, 64, 200])
        world = WorldConfiguration(
            width: side, height: machine.dice.pick([24, 64, side]), viewRadius: machine.dice.pick([1, 3, 7]),
            tickMilliseconds: machine.dice.pick([20, 50, 100]),
            moveIntervalMilliseconds: machine.dice.pick([0, 50, 250]), seed: machine.dice.next(),
            spawnArea: machine.dice.pick([1, 8, 24]), monsters: machine.dice.pick([0, 0, 5, 60]))
    }

    func makeServer(startedAt: UInt64) -> SteppedServer {
        let store: AccountStore
        do { store = try AccountStore() } catch { preconditionFailure("a database in memory: \(error)") }
        // Queries are done at once: when a thread runs is nothing that a seed decides.
        let accounts = AccountService(store, pool: BlockingPool(immediate: ()))
        self.accounts = accounts
        let server = WorldBinding.make(scenario.configuration, world: world, accounts: accounts, status: status)
        return SteppedServer(
            server, workers: scenario.workers, startedAt: startedAt, hasTable: scenario.isDirect)
    }

    func begin() {
        for _ in 0..<scenario.clients { connect() }
    }

    private func connect() {
        // Some come as somebody who is there already, or was.
        let isNew = players.isEmpty || machine.dice.chance(800)
        let name = "p\(isNew ? players.count : machine.dice.below(players.count))"
        let window = machine.dice.pick([2_048, 16_384, 262_144])
        guard let socket = machine.connect(to: machine.dice.pick(listeners), window: window) else { return }
        let manner = machine.dice.chance(600) ? .walker : machine.dice.pick(WorldPlayer.Manner.allCases)
        let player = WorldPlayer(players.count, name, manner, socket, self, machine)
        players.append(player)
        schedule(player)
    }

    private func schedule(_ player: WorldPlayer) {
        machine.schedule(player.number, at: machine.now() + UInt64(machine.dice.within(1_000_000...20_000_000)))
    }

    func happen(_ event: Int, isHealing: Bool) {
        guard event != Self.arrival else { return isHealing || isDraining ? () : connect() }
        let player = players[event]
        player.act(isHealing: isHealing)
        guard player.hasEnded else { return schedule(player) }
        guard !isHealing, !isDraining else { return }
        sights.see(.reconnected)
        machine.schedule(Self.arrival, at: machine.now() + UInt64(machine.dice.within(1_000_000...50_000_000)))
    }

    func checkTurn(_ worker: SimulatedWorker, _ index: Int) {}

    // MARK: The end

    /// Everybody's moves are answered, and all know where all are.
    ///
    /// Some ticks pass before that is looked at, and again when somebody does not know it yet: what waits for one who
    /// reads in small pieces, and what monsters do meanwhile, has no end that could be waited for.
    var isSettled: Bool {
        for player in players where player.isHealthy && !player.isSettled {
            quietSince = 0
            lack = "player \(player.number) has no answer yet"
            return false
        }
        if quietSince == 0 { quietSince = machine.now() }
        guard machine.now() >= quietSince + UInt64(world.tickMilliseconds) * 8_000_000 + 400_000_000 else {
            return false
        }
        lack = wrongView()
        quietSince = 0
        return lack == nil
    }

    /// What some player knows wrongly, held against where the others say that they are.
    private func wrongView() -> String? {
        var places: [UInt32: WorldPlayer] = [:]
        for player in players where player.isHealthy && player.isInWorld { places[player.object] = player }
        for player in players where player.isHealthy && player.isInWorld {
            if let wrong = player.wrongKnowledge({ object in places[object].map { ($0.x, $0.y) } }) { return wrong }
            for other in players where other !== player && other.isHealthy && other.isInWorld {
                let distance = max(abs(Int(player.x) - Int(other.x)), abs(Int(player.y) - Int(other.y)))
                guard distance <= world.viewRadius else { continue }
                sights.see(.sawOthers)
                guard !player.knows(other.object) else { continue }
                return "player \(player.number) does not know object \(other.object), \(distance) tiles away"
            }
        }
        return nil
    }

    func prepareDrain() { isDraining = true }

    var isOver: Bool { true }

    func checkEnd() {
        for worker in 0..<status.workerCount {
            let counters = status.counters(of: worker)
            sights.see(.hushed, times: counters.hushes)
            sights.see(.refreshed, times: counters.refreshes)
        }
    }

    func end() {}
}
