// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Gori
@_spi(Measuring) internal import Overlapped
@_spi(Measuring) internal import SimulatedKernel

/// One seed, from the drawing of its faults to the last look at what is left: a phase with faults, a kernel that heals,
/// a phase in which everything that was accepted must come to its end, and a drain.
public final class Simulation {
    private let seed: UInt64
    let scenario: Scenario
    let machine: SimulatedMachine
    let play: any Play
    private var workers: [SimulatedWorker?] = []
    /// For each worker the last turn in which it was seen to sleep over mail, and since when.
    private var sleepers: [(turn: UInt64, since: UInt64)] = []
    /// Nanoseconds that may pass between a message and the wake-up behind it, on a machine that has other things to do.
    private static let longestDoze: UInt64 = 100_000_000
    private var server: SteppedServer
    let listeners: [Int32]
    private var steps = 0
    private var sights = Sights()
    /// What a worker's turn may add before it looks at the limit: the turn's output and a flush of what was not taken.
    private static let memorySlack = 2 << 20
    private static let startedAt: UInt64 = 1_000_000_000_000
    private static let stepLimit = 2_000_000

    /// Draws everything that the seed decides.
    ///
    /// - Parameter log: takes a readable account of all that happens.
    public init(seed: UInt64, log: ((String) -> Void)? = nil) {
        self.seed = seed
        var dice = Dice(seed: seed)
        let scenario = Scenario(&dice)
        self.scenario = scenario
        machine = SimulatedMachine(seed: dice.next(), plan: scenario.plan)
        machine.log = log
        machine.travelRange = scenario.networkDelay
        machine.sendTimeout = UInt64(3 * scenario.configuration.heartbeat) * 1_000_000
        let machine = machine
        listeners = (0..<scenario.workers).map { _ in machine.listen() }
        play =
            scenario.isWorld
            ? WorldPlay(scenario, machine, listeners) : EnginePlay(scenario, machine, listeners)
        server = play.makeServer(startedAt: Self.startedAt)
        log?("\(scenario)")
    }

    /// Runs it.
    public func run() -> Outcome {
        makeWorkers()
        machine.onEvent = { [unowned self] event in play.happen(event, isHealing: false) }
        play.begin()
        var target = scenario.length
        stepUntil("the faults are over") { self.machine.completions >= target }
        target = 0
        if machine.failure == nil { heal() }
        if machine.failure == nil { drain() }
        return finish()
    }

    private func makeWorkers() {
        do {
            for index in 0..<scenario.workers { workers.append(try makeWorker(index)) }
            sleepers = workers.map { _ in (turn: .max, since: 0) }
        } catch {
            machine.fail("\(error)")
        }
        for index in workers.indices {
            machine.addThread { [unowned self] in live(index) }
        }
    }

    private func makeWorker(_ index: Int) throws -> SimulatedWorker {
        let capacity = scenario.configuration.maximumSessions
        guard let features = scenario.features else {
            return SimulatedWorker(try EpollPort(capacity: capacity, kernel: machine), index: index, of: server)
        }
        let port = try UringPort(
            capacity: capacity, features: features, directDescriptors: scenario.isDirect, sizes: scenario.sizes,
            kernel: machine)
        return SimulatedWorker(port, index: index, of: server)
    }

    /// What a worker's thread does.
    private func live(_ index: Int) {
        guard let worker = workers[index] else { return }
        do {
            try worker.open(listeners: [listeners[index]])
            while !worker.isStopped, machine.failure == nil {
                try worker.step()
                checkTurn(worker, index)
                machine.giveWay()
            }
        } catch {
            machine.fail("worker \(index): \(error)")
        }
    }

    // MARK: Phases

    private func stepUntil(_ what: String, within time: UInt64 = .max, _ isDone: () -> Bool) {
        let end = time == .max ? .max : machine.now() + time
        while !isDone(), machine.failure == nil {
            steps += 1
            if steps % 16 == 0 { checkSleepers() }
            guard machine.step() else { return machine.fail("nothing will ever happen again, before \(what)") }
            if machine.now() > end { return machine.fail("no progress: it never comes to where \(what)\(lack)") }
            if steps > Self.stepLimit { return machine.fail("no end after \(steps) steps, before \(what)\(lack)") }
        }
    }

    /// The last thing that kept it from being settled.
    private var lack: String { play.lack.map { ": \($0)" } ?? "" }

    /// No fault any more: everything that was accepted must be done.
    private func heal() {
        machine.plan = FaultPlan()
        machine.onEvent = { [unowned self] event in play.happen(event, isHealing: true) }
        // Looked at now and then, because it looks at everybody.
        stepUntil("everything is settled", within: 60_000_000_000) { self.steps % 64 == 0 && self.play.isSettled }
        for worker in workers {
            if let lost = worker?.lostBuffers, lost != 0 { machine.fail("\(lost) receive buffers are lost") }
        }
    }

    private func drain() {
        play.prepareDrain()
        server.stop()
        let patience = UInt64(scenario.configuration.drainTimeout + 2_000) * 1_000_000
        stepUntil("the server has drained", within: patience) { self.machine.hasEnded }
        stepUntil("everybody has read the goodbye", within: 5_000_000_000) { self.play.isOver }
        play.checkEnd()
    }

    private func finish() -> Outcome {
        for worker in workers {
            guard let worker else { continue }
            see(worker)
            guard machine.failure == nil else { continue }
            if worker.sessionCount != 0 { machine.fail("\(worker.sessionCount) slots are not free") }
            let bytes = worker.finish()
            if bytes != 0 { machine.fail("\(bytes) bytes of the pool are missing") }
        }
        workers.removeAll()
        play.end()
        if machine.failure == nil, machine.openCount != 0 {
            machine.fail("\(machine.openCount) descriptors are left open")
        }
        seeScenario()
        sights.add(play.sights)
        return Outcome(
            seed: seed, failure: machine.failure, digest: machine.digest, completions: machine.completions,
            clients: scenario.clients, steps: steps, virtualTime: machine.now() - Self.startedAt,
            marks: machine.marks, sights: sights)
    }

    // MARK: Invariants of every turn

    private func checkTurn(_ worker: SimulatedWorker, _ index: Int) {
        let limit = scenario.configuration.backlogLimit
        if worker.largestOpenBacklog > limit { machine.fail("a backlog is above its cap of \(limit) bytes") }
        let faults = worker.portCounters.faults
        if faults > 0 { machine.fail("\(faults) submissions named memory that was not there") }
        checkMemory()
        if worker.hasQueuedOutput { sights.see(.outputQueued) }
        play.checkTurn(worker, index)
    }

    /// Nobody sleeps while there is mail for him (I9): whoever posts wakes him, within his own turn.
    private func checkSleepers() {
        for index in workers.indices {
            guard let worker = workers[index], let turn = worker.sleptOverMail else { continue }
            if sleepers[index].turn != turn { sleepers[index] = (turn, machine.now()) }
            guard machine.now() - sleepers[index].since > Self.longestDoze else { continue }
            machine.fail("worker \(index) sleeps while there is mail for it")
        }
    }

    /// What all sessions together hold stays near the limit: what one turn of each worker may add comes on top.
    private func checkMemory() {
        let limit = scenario.configuration.memoryLimit
        guard limit > 0 else { return }
        let held = workers.reduce(0) { $0 + ($1?.bytesHeld ?? 0) }
        if held > limit + Self.memorySlack * workers.count { machine.fail("all sessions hold \(held) bytes") }
    }

    private func see(_ worker: SimulatedWorker) {
        let (port, counters) = (worker.portCounters, worker.counters)
        sights.see(.blockedSend, times: port.blockedSends)
        sights.see(.sentAgain, times: port.sendsContinued)
        sights.see(.cancelRepeated, times: port.cancelsRepeated)
        sights.see(.acceptPaused, times: port.acceptPauses)
        sights.see(.refusedWaiting, times: counters.refusedWaiting)
        sights.see(.encodeFailure, times: counters.encodeFailures)
        sights.see(.memoryShed, times: counters.endedForMemory)
        sights.see(.trackedSend, times: counters.bytesBacklogged > 0 ? 1 : 0)
        if worker.hasForcedEnd { sights.see(.drainForced) }
    }

    private func seeScenario() {
        sights.see(scenario.features == nil ? .overEpoll : .overUring)
        sights.see(scenario.workers == 1 ? .oneWorker : .manyWorkers)
        if scenario.isDirect { sights.see(.directDescriptors) }
        if let features = scenario.features {
            if !features.contains(.incrementalBuffers) { sights.see(.plainBuffers) }
            if !features.contains(.silentSend) { sights.see(.withoutSilentSend) }
            if features.contains([.silentSend, .registeredFiles]), !scenario.isDirect { sights.see(.registeredFiles) }
        }
        if scenario.isWorld { sights.see(.theWorld) }
    }
}

/// What is played on the server of a seed.
protocol Play: AnyObject {
    var sights: Sights { get }
    func makeServer(startedAt: UInt64) -> SteppedServer
    /// The first clients come.
    func begin()
    /// An event of the play's own.
    func happen(_ event: Int, isHealing: Bool)
    func checkTurn(_ worker: SimulatedWorker, _ index: Int)
    /// Whether everything that was accepted has come to its end.
    var isSettled: Bool { get }
    /// What was missing when that was last looked at, if it can be said.
    var lack: String? { get }
    /// The server is about to be told to stop.
    func prepareDrain()
    /// Whoever is still there to hear that has heard that the server stops.
    var isOver: Bool { get }
    /// The server has stopped.
    func checkEnd()
    /// Nothing runs any more.
    func end()
}
