// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Gori
@_spi(Measuring) internal import Overlapped
internal import Wire

/// Sessions in real workers over a scripted port: an input is a byte that chooses the server, then operations of
/// clients, kernel and clock, each an operation byte and what belongs to it.
enum SessionTarget {
    static func run(_ script: consuming ByteScript) {
        var script = script
        let run = SessionRun(SessionMode(script.byte()))
        var count = 0
        while !script.isAtEnd, count < 600 {
            run.operate(&script)
            count += 1
        }
        run.end()
    }
}

/// One server with its workers, clients and clock, while a script runs.
struct SessionRun {
    private let mode: SessionMode
    private let network = ScriptedNetwork()
    private let model: SessionModel
    private let server: SteppedServer
    private let ports: [ScriptedPort]
    private let workers: [SteppedWorker<ScriptedPort>]

    init(_ mode: SessionMode) {
        self.mode = mode
        let network = network
        model = SessionModel(mode, network)
        let server = SteppedServer(SessionHandlers.server(model), workers: mode.workers, startedAt: network.now)
        let ports = (0..<mode.workers).map { ScriptedPort(network, worker: $0) }
        self.server = server
        self.ports = ports
        workers = ports.enumerated().map { SteppedWorker(port: $1, index: $0, of: server) }
        for index in 0..<mode.workers { attempt { () throws(PortError) in try workers[index].open(listeners: [0]) } }
    }

    private func attempt(_ body: () throws(PortError) -> Void) {
        do throws(PortError) { try body() } catch { promise(false, "\(error)") }
    }

    // MARK: Operations

    /// Carries out one operation: four bits say what, four for whom.
    func operate(_ script: inout ByteScript) {
        let byte = script.number()
        let client = network.connections.isEmpty ? nil : network.connections[(byte >> 4) % network.connections.count]
        switch byte & 15 {
        case 0: connect(byte >> 4)
        case 1: say(client, script.take(script.number()))
        case 2: say(client, model.packets.packet(1, SessionMode.hello))
        case 3: sayPacket(client, &script)
        case 4, 5: step(byte >> 4)
        case 6: client?.hasFinished = true
        case 7: client?.hasReset = true
        case 8: client?.window = script.number() * 32
        case 9: client?.window = nil
        case 10: pass(UInt64(1 + script.number()) * UInt64(1 + byte >> 4) * 4_000_000)
        case 11: setUp(ports[(byte >> 4) % ports.count], &script)
        case 12: model.openGates()
        case 13: flood(client, script.number())
        case 14: stop(byte >> 4)
        default: ports[(byte >> 4) % ports.count].acceptError = 24
        }
    }

    /// One connection, or many at once on one worker.
    private func connect(_ kind: Int) {
        let port = ports[kind & 1 == 0 ? 0 : ports.count - 1]
        for _ in 0..<(kind == 15 ? 20 : 1) where network.connections.count < 96 {
            port.waiting.append(network.connect(StreamOracle(mode)))
        }
    }

    private func say(_ client: ScriptedConnection?, _ bytes: [UInt8]) {
        guard let client, !client.hasFinished, !client.hasReset, client.sent.count < 200_000 else { return }
        client.sent += bytes
    }

    /// A packet that is whole: its type and a body of script bytes, repeated where it is to be long.
    private func sayPacket(_ client: ScriptedConnection?, _ script: inout ByteScript) {
        let type = script.number()
        let shape = script.number()
        var body = script.take(shape & 15)
        if shape & 0x80 != 0 { body += Array(repeating: 7, count: (shape & 0x70) * 4) }
        let room = mode.framing.maximumPacketSize - mode.framing.headerSize
        say(client, model.packets.packet(type % 32, Array(body.prefix(room))))
    }

    /// More than the kernel discards behind an end.
    private func flood(_ client: ScriptedConnection?, _ count: Int) {
        let packet = model.packets.packet(16, Array(repeating: 1, count: 250))
        for _ in 0..<count { say(client, packet) }
    }

    private func setUp(_ port: ScriptedPort, _ script: inout ByteScript) {
        let sizes = [1, 2, 3, 5, 16, 64, 300, 4_096]
        let bits = script.number()
        port.pieceSize = sizes[bits & 7]
        port.piecesPerTurn = 1 + (bits >> 3 & 7)
        port.closeDelay = bits >> 6
        port.rotation = script.number()
        port.looksPerTurn = port.rotation >> 5
    }

    /// Workers that have been stopped get a turn every 50 ms: what has not ended 500 ms after its deadline is left
    /// behind, and a scripted port takes turns to close.
    private func pass(_ nanoseconds: UInt64) {
        guard model.hasStopped else {
            network.now += nanoseconds
            return
        }
        network.now += min(nanoseconds, 50_000_000)
        for index in 0..<mode.workers { step(index) }
    }

    /// Only half of the numbers stop, so that a chance byte does so less often.
    private func stop(_ kind: Int) {
        guard kind & 1 == 1 else { return }
        model.hasStopped = true
        server.stop()
    }

    // MARK: Steps and their checks

    private func step(_ number: Int) {
        let index = number % mode.workers
        guard !workers[index].isStopped else { return }
        attempt { () throws(PortError) in try workers[index].step() }
        promise(workers[index].largestOpenBacklog <= mode.backlogLimit, "the backlog is below its cap")
        for stream in network.connections { check(stream, worker: index) }
    }

    /// What a stream says has happened, unless its session has ended first.
    private func check(_ stream: ScriptedConnection, worker: Int) {
        guard let session = stream.session, Int(session >> 56) == worker, stream.openCount == 1,
            stream.endCount == 0
        else { return }
        promise(stream.phase == .associated, "a session lives as long as its socket")
        if mode.takesBytes { return promise(stream.oracle.partial == 0, "all bytes that have come are handed over") }
        promise(stream.oracle.peek(network.now) == nil, "a packet that is whole is handed over")
        if case .ended(let reason) = stream.oracle.state {
            promise(false, "a session ends in the turn in which its stream does: \(reason)")
        }
    }

    /// Lets everything come to rest, compares what clients got, drains, and looks for what is left.
    func end() {
        for port in ports { port.closeDelay = min(port.closeDelay, 1) }
        for client in network.connections { client.turnsToClose = min(client.turnsToClose, 1) }
        if mode.readsToTheEnd { for client in network.connections { client.window = nil } }
        if mode.readsToTheEnd, !model.hasStopped { rest() }
        model.openGates()
        model.hasStopped = true
        server.stop()
        var turns = 0
        while (0..<mode.workers).contains(where: { !workers[$0].isStopped }) {
            turns += 1
            promise(turns < 100, "a server that was told to stop stops")
            for client in network.connections where mode.readsToTheEnd && client.sawEnd { client.hasFinished = true }
            network.now += 250_000_000
            model.openGates()
            for index in 0..<mode.workers { step(index) }
        }
        for index in 0..<mode.workers {
            promise(workers[index].sessionCount == 0, "all slots are free")
            let bytes = workers[index].finish()
            promise(bytes == 0, "\(bytes) bytes of the pool are missing")
        }
        for client in network.connections { ClientCheck.run(client, mode, isWhole: false) }
    }

    /// Everybody reads, nobody speaks: soon everything that was answered has arrived.
    private func rest() {
        for port in ports {
            port.pieceSize = 4_096
            port.piecesPerTurn = 64
        }
        // Whoever waits for a slice of the flush has had one after so many turns.
        let patience = 4 + SessionMode.sessions / mode.flushSlice
        var quiet = 0
        var before = -1
        var turns = 0
        while quiet < patience {
            turns += 1
            promise(turns < 100_000, "everything comes to rest")
            model.openGates()
            for index in 0..<mode.workers { step(index) }
            let moved = network.connections.reduce(0) { $0 + $1.received.count + $1.taken + $1.endCount }
            // Whoever is not read until another worker has taken what it published waits for that.
            let isQuiet = moved == before && !workers.contains { $0.messagesWaiting > 0 }
            quiet = isQuiet ? quiet + 1 : 0
            before = moved
        }
        for client in network.connections {
            let isOpen = client.openCount == 1 && client.endCount == 0
            promise(!isOpen || client.unread == 0 || client.hasReset, "what was sent is read")
            ClientCheck.run(client, mode, isWhole: isOpen && !client.hasReset)
        }
    }
}
