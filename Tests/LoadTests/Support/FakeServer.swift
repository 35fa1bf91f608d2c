// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Overlapped
import Synchronization
import Testing
import Wire
import World

/// A server of a few lines on a thread of its own, with poll(2): it opens sessions and answers moves, or does not.
final class FakeServer: Sendable {
    /// What it does with moves.
    enum Manner: Sendable {
        /// Answers after so many milliseconds.
        case answers(after: Int)
        /// Answers at once, and after so many milliseconds when more have come than so many.
        case slowsDown(above: Int, after: Int)
        /// Answers at once and tells everybody else, or should.
        case world(FakeWorld.Fault?)
        /// Never answers one.
        case ignoresMoves
        /// Says goodbye to everybody at the first move.
        case leavesAtFirstMove(EndReason)
        /// Ends the connection without a word at the first move.
        case hangsUpAtFirstMove
        /// Sends a size that no packet has.
        case breaksFraming
    }

    /// A move as it came.
    struct Seen: Sendable {
        let client: Int32
        let move: Move
        let at: UInt64
    }

    let address: SocketAddress
    private let listener: Int32
    private let manner: Manner
    private let isStopped = Atomic<Bool>(false)
    private let moves = Mutex<[Seen]>([])

    init(_ manner: Manner) throws {
        let any = try #require(SocketAddress("127.0.0.1:0"))
        listener = try Sockets.listen(on: any, sharesPort: false)
        address = try #require(SocketAddress(localOf: listener))
        self.manner = manner
    }

    /// All moves so far.
    var seen: [Seen] { moves.withLock { $0 } }

    /// Serves on a new thread until `stop`.
    func start() { Thread.detachNewThread { [self] in serve() } }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    private struct Client {
        var input: [UInt8] = []
        var x: UInt16 = 50
        var y: UInt16 = 50
    }

    private func serve() {
        var clients: [Int32: Client] = [:]
        var answers: [(due: UInt64, client: Int32, bytes: [UInt8])] = []
        var world: FakeWorld?
        if case .world(let fault) = manner { world = FakeWorld(fault) }
        while !isStopped.load(ordering: .relaxed) {
            var polled = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            polled += clients.keys.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            poll(&polled, nfds_t(polled.count), 2)
            for ready in polled where ready.revents != 0 {
                guard ready.fd != listener else {
                    let client = accept(listener, nil, nil)
                    if client >= 0 { clients[client] = Client() }
                    continue
                }
                guard let state = clients[ready.fd] else { continue }
                clients[ready.fd] = read(ready.fd, state, &answers, &world, come: clients.count)
                if clients[ready.fd] == nil { tell(world?.leave(ready.fd) ?? []) }
            }
            let now = MonotonicClock.now()
            for answer in answers where answer.due <= now { write(answer.bytes, to: answer.client) }
            answers.removeAll { $0.due <= now }
        }
        for client in clients.keys { close(client) }
        close(listener)
    }

    /// Handles what has come; nil when the connection is over.
    private func read(
        _ descriptor: Int32, _ client: Client, _ answers: inout [(due: UInt64, client: Int32, bytes: [UInt8])],
        _ world: inout FakeWorld?, come: Int
    ) -> Client? {
        var client = client
        var piece = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &piece, piece.count, 0)
        guard count > 0 else {
            close(descriptor)
            return nil
        }
        client.input += piece[..<count]
        while client.input.count >= 4 {
            let size = Int(client.input[0]) | Int(client.input[1]) << 8
            guard size >= 4, client.input.count >= size else { break }
            let type = PacketType(rawValue: UInt16(client.input[2]) | UInt16(client.input[3]) << 8)
            let body = Array(client.input[4..<size])
            client.input.removeFirst(size)
            guard handle(type, body, descriptor, &answers, &world, come: come) else {
                close(descriptor)
                return nil
            }
        }
        return client
    }

    private func handle(
        _ type: PacketType, _ body: [UInt8], _ descriptor: Int32,
        _ answers: inout [(due: UInt64, client: Int32, bytes: [UInt8])], _ world: inout FakeWorld?, come: Int
    ) -> Bool {
        switch type {
        case Hello.type: send(Welcome(session: 1, serverTime: 0, heartbeat: 0, maximumPacket: 16_384), descriptor)
        case Login.type:
            send(LoginResult(request: 1, characters: [LoginResult.Character(id: 1, name: "a")]), descriptor)
        case SelectCharacter.type where world != nil: tell(world?.enter(descriptor) ?? [])
        case SelectCharacter.type:
            let map = WorldConfiguration(width: 100, height: 100)
            send(
                EnterWorld(
                    request: 2, code: .ok, object: UInt32(descriptor), x: 50, y: 50, configuration: map), descriptor)
        case Logout.type:
            tell(world?.leave(descriptor) ?? [])
            // Behind the answers to the moves before it.
            let due = answers.last { $0.client == descriptor }?.due ?? 0
            answers.append((due, descriptor, bytes(of: RequestResult(request: 3, code: .ok))))
        case Move.type:
            guard let move = body.withUnsafeBytes({ try? Move.decode($0.bytes) }) else { return false }
            return moved(move, descriptor, &answers, &world, come: come)
        default: break
        }
        return true
    }

    private func moved(
        _ move: Move, _ descriptor: Int32, _ answers: inout [(due: UInt64, client: Int32, bytes: [UInt8])],
        _ world: inout FakeWorld?, come: Int
    ) -> Bool {
        let now = MonotonicClock.now()
        moves.withLock { $0.append(Seen(client: descriptor, move: move, at: now)) }
        func answer(after delay: Int) {
            let result = MoveResult(
                sequence: move.sequence, clientTime: move.clientTime, code: .ok, x: move.x, y: move.y)
            answers.append((now + UInt64(delay) * 1_000_000, descriptor, bytes(of: result)))
        }
        switch manner {
        case .ignoresMoves: break
        case .answers(let delay): answer(after: delay)
        case .slowsDown(let few, let delay): answer(after: come > few ? delay : 0)
        case .world: tell(world?.move(descriptor, move) ?? [])
        case .leavesAtFirstMove(let reason): send(Goodbye(reason: reason, text: "good night"), descriptor)
        case .hangsUpAtFirstMove: return false
        case .breaksFraming: write([3, 0, 1, 1], to: descriptor)
        }
        return true
    }

    private func tell(_ output: [FakeWorld.Output]) {
        for (client, packet) in output { send(packet, client) }
    }

    private func send(_ packet: some Packet, _ descriptor: Int32) { write(bytes(of: packet), to: descriptor) }

    private func bytes(of packet: some Packet) -> [UInt8] {
        var memory = [UInt8](repeating: 0, count: 1_024)
        let size = memory.withUnsafeMutableBytes { Framing().encode(packet, into: $0) } ?? 0
        return Array(memory[..<size])
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) {
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
