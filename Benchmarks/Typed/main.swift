// SPDX-License-Identifier: Apache-2.0

// Typed packets from the wire to a handler and back: what `make instructions` counts.
internal import ArgumentParser
internal import Foundation
internal import Gori
internal import Overlapped
internal import Wire

/// A step, as a client of a game sends it.
struct Step: Packet {
    static let type: PacketType = 16
    static let bodySize = 16...16
    var sequence: UInt32
    var clientTime: UInt64
    var x: UInt16
    var y: UInt16

    init(from reader: inout PacketReader) throws(DecodeError) {
        sequence = try reader.read()
        clientTime = try reader.read()
        x = try reader.read()
        y = try reader.read()
    }

    func encode(to writer: inout PacketWriter) {
        writer.write(sequence)
        writer.write(clientTime)
        writer.write(x)
        writer.write(y)
    }
}

/// Where somebody is now: the answer to a step, and what others are told of it.
struct Place: Packet {
    static let type: PacketType = 17
    static let bodySize = 8...8
    var sequence: UInt32
    var x: UInt16
    var y: UInt16

    init(_ step: Step) {
        sequence = step.sequence
        x = step.x
        y = step.y
    }

    init(from reader: inout PacketReader) throws(DecodeError) {
        sequence = try reader.read()
        x = try reader.read()
        y = try reader.read()
    }

    func encode(to writer: inout PacketWriter) {
        writer.write(sequence)
        writer.write(x)
        writer.write(y)
    }
}

struct Typed: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Answers steps, or tells everybody of them.")

    @Option(help: "address:port, [v6]:port or :port.")
    var listen = "127.0.0.1:0"

    @Option(help: "Threads that serve.")
    var workers = 1

    @Option(help: "Completion port: auto, uring or epoll.")
    var io = "auto"

    @Flag(help: "Everybody is told of every step.")
    var publish = false

    func run() throws {
        var configuration = ServerConfiguration()
        guard let address = SocketAddress(listen) else { throw ValidationError("--listen: '\(listen)' is no address") }
        guard let port = PortPreference(rawValue: io) else { throw ValidationError("--io: auto, uring or epoll") }
        guard (1...64).contains(workers) else { throw ValidationError("--workers: 1 to 64") }
        configuration.addresses = [address]
        configuration.workers = workers
        configuration.port = port
        configuration.sessionLayer = .none
        configuration.heartbeat = 0
        try serve(configuration)
    }

    private func serve(_ configuration: ServerConfiguration) throws {
        let server = Server(configuration) { _ in 0 }
        let everybody = Group(1)
        if publish {
            server.onOpen { session, _ in session.join(everybody) }
            server.on(Step.self) { step, session, _ in session.publish(Place(step), to: everybody) }
        } else {
            server.on(Step.self) { step, session, steps in
                steps &+= 1
                session.send(Place(step))
            }
        }
        try server.run { running in
            // At once, also into a pipe.
            let lines = running.addresses.map { "listening \($0)\n" } + ["ready\n"]
            FileHandle.standardOutput.write(Data(lines.joined().utf8))
        }
    }
}

Typed.main()
