// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped
import Testing
import Wire

@testable import Load

/// The engine itself: what a full socket does not take at once arrives in order, and connections end in order.
@Suite("Load engine", .enabled(if: Machine.hasUring, "io_uring is denied here"))
struct LoadWorkerTests {
    /// A large packet with its number in front.
    struct Blob: Packet {
        static let type: PacketType = 99
        static let bodySize = 4...60_000
        var number: UInt32

        init(number: UInt32) { self.number = number }
        init(from reader: inout PacketReader) throws(DecodeError) {
            number = try reader.read()
            _ = try reader.readBytes(count: reader.remaining)
        }
        func encode(to writer: inout PacketWriter) {
            writer.write(number)
            for _ in 0..<((60_000 - 4) / 8) { writer.write(UInt64(number)) }
        }
    }

    /// Sends some blobs at once and some every 5 ms, then ends.
    final class Flood: LoadScenario {
        static let total: UInt32 = 200
        private var next: UInt32 = 0
        var blocked: UInt64 = 0
        var ended = 0

        private func send(_ count: UInt32, _ connection: Int, _ load: LoadContext) {
            for _ in 0..<min(count, Self.total - next) {
                #expect(load.send(Blob(number: next), on: connection))
                next += 1
            }
            if next < Self.total { return load.schedule(connection, at: load.elapsed + 5) }
            load.finish(connection)
            #expect(!load.send(Blob(number: 0), on: connection), "nothing is sent after the end")
        }

        func connected(_ connection: Int, _ load: LoadContext) { send(100, connection, load) }
        func notConnected(_ connection: Int, _ error: PortError, _ load: LoadContext) { Issue.record("\(error)") }
        func received(_: PacketType, _: UnsafeRawBufferPointer, on: Int, _: LoadContext) {}
        func due(_ connection: Int, intended: UInt32, _ load: LoadContext) { send(1, connection, load) }
        func ended(_ connection: Int, _ end: ConnectionEnd, _ load: LoadContext) { ended += 1 }
        func secondPassed(_ load: LoadContext) {}
        func over(_ load: LoadContext) { blocked = load.counters.blockedSends }
    }

    /// Reads the numbers of the blobs until the end of stream, after having read nothing for a while.
    private static func readBlobs(_ descriptor: Int32) -> [UInt32] {
        usleep(400_000)
        var input: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        var numbers: [UInt32] = []
        var start = 0
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            guard count > 0 else { return input.count == start ? numbers : [] }
            input += piece[..<count]
            while input.count - start >= 8 {
                let size = Int(input[start]) | Int(input[start + 1]) << 8
                guard input.count - start >= size else { break }
                // Two places of many: in a debug build the reader must not take longer than a close may.
                let number = input[start + 4]
                let isWhole = input[start + size - 8] == number && input[start + size / 8 * 4] == number
                numbers.append(isWhole ? UInt32(number) : .max)
                start += size
            }
        }
    }

    @Test(arguments: [PortPreference.uring, .epoll]) func slowReader(port: PortPreference) throws {
        let listener = try Sockets.listen(on: try #require(SocketAddress("127.0.0.1:0")), sharesPort: false)
        defer { Sockets.close(listener) }
        let address = try #require(SocketAddress(localOf: listener))
        let numbers = OnThread {
            let descriptor = accept(listener, nil, nil)
            defer { Sockets.close(descriptor) }
            return Self.readBlobs(descriptor)
        }
        let flood = Flood()
        var load = LoadConfiguration(address: address, count: 1, ramp: 1)
        load.port = port
        try LoadRun.run(load, flood)
        #expect(numbers.result() == Array(0..<Flood.total))
        #expect(flood.blocked > 0, "the socket was full")
        #expect(flood.ended == 0, "it was asked to end")
    }

    @Test("From another source address of loopback") func source() throws {
        let listener = try Sockets.listen(on: try #require(SocketAddress("127.0.0.1:0")), sharesPort: false)
        defer { Sockets.close(listener) }
        let address = try #require(SocketAddress(localOf: listener))
        for source in [0, 2] {
            let descriptor = try Dial.connect(to: address, source: source)
            defer { Sockets.close(descriptor) }
            let local = try #require(SocketAddress(localOf: descriptor))
            #expect(local.bytes == [127, 0, 0, UInt8(1 + source)])
        }
    }

    @Test("Many connections come from several source addresses, on loopback alone") func sources() throws {
        func load(_ address: String) throws -> LoadConfiguration {
            LoadConfiguration(address: try #require(SocketAddress(address)), count: 60_000, ramp: 1)
        }
        let loopback = try load("127.0.0.1:1")
        let others = try [load("[::1]:1"), load("192.0.2.1:1")]
        #expect([0, 11_999, 12_000, 59_999].map { loopback.source(of: $0) } == [0, 0, 1, 4])
        #expect(others.allSatisfy { $0.source(of: 27_999) == 0 })
    }

    @Test("The ramp is spread over its seconds") func ramp() throws {
        let address = try #require(SocketAddress("127.0.0.1:1"))
        let load = LoadConfiguration(address: address, count: 1_001, ramp: 500)
        #expect(load.milliseconds(of: 0) == 0)
        #expect(load.milliseconds(of: 250) == 500)
        #expect(load.rampMilliseconds == 2_000)
    }
}
