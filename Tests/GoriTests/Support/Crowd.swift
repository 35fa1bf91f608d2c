// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing
import Wire

@_spi(Measuring) @testable import Gori

/// What the number of a `Say` asks for.
enum CrowdWord {
    /// From here: the packet goes back as it lies in receive memory. Below: an answer is written.
    static let echo: UInt32 = 1_000
    /// From here: the first two are told, one by one.
    static let tell: UInt32 = 50_000
    /// From here: everybody is told.
    static let publish: UInt32 = 100_000
}

/// A kind of port that there is here.
enum CrowdKind: CaseIterable {
    case uring
    case epoll

    private static let features = try? UringPreflight.run()
    static let here = allCases.filter { $0 == .epoll || features != nil }

    /// Calls `body` with sessions on a port of this kind.
    func serve(sessions: Int, slice: Int = 256, _ body: (any Crowd) throws -> Void) throws {
        switch self {
        case .uring:
            let port = try UringPort(capacity: sessions, features: Self.features ?? [])
            try body(try CrowdOnPort(port, sessions: sessions, slice: slice))
        case .epoll: try body(try CrowdOnPort(try EpollPort(capacity: sessions), sessions: sessions, slice: slice))
        }
    }
}

/// Sessions of one worker that the test steps, all in one group, and the other ends of their sockets.
protocol Crowd: AnyObject {
    func say(_ session: Int, _ packet: Say) throws
    /// Sends all of a packet but its last bytes.
    func begin(_ session: Int, _ packet: Say) throws
    func step() throws
    /// Takes what has come, which must be whole packets.
    func read(_ session: Int) throws
    /// The numbers of all that a session has been sent.
    func heard(by session: Int) throws -> [UInt32]
    /// The number of each packet that was handled, and how many sends there had been by then.
    var handled: [UInt32: Int] { get }
    var sends: Int { get }
    var isWaiting: Bool { get }
    /// Nothing that was sent is needed any more.
    var isSettled: Bool { get }
    var bytesInUse: Int { get }
    /// What has been sent to a session that its client's socket did not take.
    func backlog(of session: Int) -> Int
    /// What becomes of a worker whose port is broken. Returns how many bytes waited for room with the kernel, and how
    /// many of the worker's memory are in use when all of it has been given back.
    func die() -> (waiting: Int, left: Int)
}

final class CrowdOnPort<Port: CompletionPort & SendableMetatype & ~Copyable>: Crowd {
    private struct Failure: Error { let code: Int32 }

    private let worker: UnsafeMutablePointer<Worker<Port>>
    private let notes = Notes()
    private var isDead = false
    private var sockets: [Int32] = []
    private var numbers: [[UInt32]] = []

    private final class Notes: @unchecked Sendable {
        var handled: [UInt32: Int] = [:]
        var first: [SessionID] = []
    }

    init(_ port: consuming Port, sessions: Int, slice: Int) throws {
        var configuration = ServerConfiguration()
        configuration.maximumSessions = sessions
        configuration.flushSlice = slice
        let server = Server<Nothing>(configuration) { _ in Nothing() }
        let group = Group(rawValue: 1)
        let notes = notes
        server.onOpen { session, _ in
            session.join(group)
            if notes.first.count < 2 { notes.first.append(session.id) }
        }
        server.onAnyPacket { packet, session, _ in
            guard let say = try? Say.decode(packet.extracting(4..<packet.byteCount)) else { return }
            notes.handled[say.number] = Int(session.worker.counters.sends)
            let answer = Heard(say.number, size: say.size)
            switch say.number {
            case CrowdWord.publish...: session.publish(answer, to: group)
            case CrowdWord.tell...: for id in notes.first { session.send(answer, to: id) }
            case CrowdWord.echo...: session.send(raw: packet)
            default: session.send(answer)
            }
        }
        let stepped = SteppedServer(server, workers: 1, startedAt: 0)
        stepped.surroundings.mailboxes.install(port.doorbell, of: 0)
        worker = .allocate(capacity: 1)
        worker.initialize(to: Worker(port: port, index: 0, stepped.surroundings))
        worker.pointee.core.pointee.pool.spoilsFreeBlocks = true
        try worker.pointee.open(listeners: [])
        for _ in 0..<sessions {
            let (here, there) = try Self.pair()
            sockets.append(there)
            numbers.append([])
            worker.pointee.adopt(here, isCounted: false)
        }
        // Receives are armed, and it has been told that all may be sent to.
        for _ in 0..<16 { try step() }
    }

    deinit {
        _ = die()
        for socket in sockets { close(socket) }
    }

    private static func pair() throws -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let result = withUnsafeMutablePointer(to: &ends) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) { socketpair(AF_UNIX, kind, 0, $0) }
        }
        guard result == 0 else { throw Failure(code: errno) }
        return ends
    }

    func say(_ session: Int, _ packet: Say) throws { try say(session, packet, without: 0) }

    func begin(_ session: Int, _ packet: Say) throws { try say(session, packet, without: 10) }

    private func say(_ session: Int, _ packet: Say, without last: Int) throws {
        let framing = Framing()
        var memory = [UInt8](repeating: 0, count: framing.headerSize + Say.bodySize.upperBound)
        let count = memory.withUnsafeMutableBytes { framing.encode(packet, into: $0) } ?? 0
        let sent = count - last
        guard send(sockets[session], memory, sent, Int32(MSG_NOSIGNAL)) == sent else { throw Failure(code: errno) }
    }

    /// A turn that does not wait.
    func step() throws {
        worker.pointee.core.pointee.alarm = 1
        try worker.pointee.step()
    }

    /// Tells the worker to drain and gives nobody any time.
    func drainAtOnce() {
        worker.pointee.drain()
        worker.pointee.drainDeadline = 0
    }

    var isStopped: Bool { worker.pointee.isStopped }

    func read(_ session: Int) throws {
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = recv(sockets[session], &bytes, bytes.count, 0)
        guard count > 0 || errno == EAGAIN else { throw Failure(code: errno) }
        let framing = Framing()
        try bytes.withUnsafeBytes { bytes in
            var rest = UnsafeRawBufferPointer(rebasing: bytes[..<max(count, 0)])
            while case .packet(let size, let type) = framing.header(rest), size <= rest.count {
                let body = UnsafeRawBufferPointer(rebasing: rest[framing.headerSize..<size])
                // An echo is the client's own packet.
                let number = try type == Say.type ? Say.decode(body.bytes).number : Heard.decode(body.bytes).number
                numbers[session].append(number)
                rest = UnsafeRawBufferPointer(rebasing: rest[size...])
            }
            #expect(rest.isEmpty)
        }
    }

    func heard(by session: Int) throws -> [UInt32] {
        try read(session)
        return numbers[session]
    }

    private var core: UnsafeMutablePointer<WorkerCore> { worker.pointee.core }
    var handled: [UInt32: Int] { notes.handled }
    var sends: Int { Int(core.pointee.counters.sends) }
    var isWaiting: Bool { !core.pointee.waiting.isEmpty }
    var isSettled: Bool { core.pointee.output.settledTurn == core.pointee.turn - 1 }
    var bytesInUse: Int { core.pointee.pool.bytesInUse }
    func backlog(of session: Int) -> Int { core.pointee.sessions.records[session].backlog.byteCount }

    func die() -> (waiting: Int, left: Int) {
        guard !isDead else { return (0, 0) }
        isDead = true
        var abandoned = worker.pointee.abandonSessions()
        let waiting = abandoned.blocks.reduce(0) { $0 + $1.count }
        worker.deinitialize(count: 1)
        worker.deallocate()
        abandoned.release()
        return (waiting, abandoned.pool.bytesInUse)
    }
}
