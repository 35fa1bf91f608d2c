// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@_spi(Measuring) @testable import Gori
@testable import Overlapped

/// What a worker does when the kernel has no descriptor for a connection that waits.
@Suite struct AcceptPauseTests {
    private static let millisecond: UInt64 = 1_000_000

    /// A worker that is not stepped, with a listener in whose queue a client waits.
    private final class Scene {
        let worker: UnsafeMutablePointer<Worker<EpollPort>>
        private let client: Int32
        private let start: UInt64

        init(maximumSessions: Int = 4, hasTable: Bool) throws {
            var configuration = ServerConfiguration()
            configuration.maximumSessions = maximumSessions
            // A socket without a peer is as good as any here.
            configuration.maximumSessionsPerAddress = 0
            let server = Server<Nothing>(configuration) { _ in Nothing() }
            let stepped = SteppedServer(server, workers: 1, startedAt: 0, hasTable: hasTable)
            let port = try EpollPort(capacity: maximumSessions)
            stepped.surroundings.mailboxes.install(port.doorbell, of: 0)
            let anywhere = try #require(SocketAddress("127.0.0.1:0"))
            let listener = try Sockets.listen(on: anywhere, sharesPort: false)
            client = try Sockets.connect(to: try #require(SocketAddress(localOf: listener)))
            worker = .allocate(capacity: 1)
            worker.initialize(to: Worker(port: port, index: 0, stepped.surroundings))
            start = worker.pointee.core.pointee.now
            try worker.pointee.open(listeners: [listener])
        }

        deinit {
            worker.deinitialize(count: 1)
            worker.deallocate()
            Sockets.close(client)
        }

        /// The kernel refuses to accept, so many milliseconds after the start. Returns after how many nanoseconds the
        /// worker tries again.
        func pause(after milliseconds: UInt64, _ code: Int32 = EMFILE) -> UInt64 {
            worker.pointee.core.pointee.now = start + milliseconds * AcceptPauseTests.millisecond
            worker.pointee.acceptPaused(0, code)
            return worker.pointee.acceptResume[0] - worker.pointee.core.pointee.now
        }

        func accept() throws {
            let socket = Int32(Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
            try #require(socket >= 0)
            worker.pointee.accepted(socket)
        }

        /// Pauses, always 100 ms apart, until who waits has been told. One thread of a process tells at a time, and in
        /// a test process that may be another.
        func pauseUntilTold(from milliseconds: UInt64) {
            for number in UInt64(0)..<100_000 {
                if refused > 0 { break }
                #expect(pause(after: milliseconds + 100 * number) == 100 * AcceptPauseTests.millisecond)
            }
            #expect(refused == 1)
        }

        var refused: UInt64 { worker.pointee.core.pointee.counters.refusedWaiting }
    }

    @Test("with a table that has room, sockets on their way into it are waited for, and nobody is told full")
    func momentary() throws {
        let scene = try Scene(hasTable: true)
        for time in UInt64(0)..<100 { #expect(scene.pause(after: time) == Self.millisecond) }
        #expect(scene.refused == 0)
        // As soon as one has been accepted, the others are waited for as long again.
        try scene.accept()
        for time in UInt64(150)..<250 { #expect(scene.pause(after: time) == Self.millisecond) }
        #expect(scene.refused == 0)
    }

    @Test("when there is none for 100 ms, who waits is told")
    func lasting() throws {
        let scene = try Scene(hasTable: true)
        #expect(scene.pause(after: 0) == Self.millisecond)
        scene.pauseUntilTold(from: 100)
    }

    @Test("what was missing long ago does not count")
    func longAgo() throws {
        let scene = try Scene(hasTable: true)
        #expect(scene.pause(after: 0) == Self.millisecond)
        #expect(scene.pause(after: 5_000) == Self.millisecond)
        #expect(scene.refused == 0)
        scene.pauseUntilTold(from: 5_100)
    }

    @Test("without a table sessions keep their descriptors, and who waits is told at once")
    func withoutTable() throws {
        let scene = try Scene(hasTable: false)
        scene.pauseUntilTold(from: 0)
    }

    @Test("a table that is full has nothing to wait for")
    func full() throws {
        let scene = try Scene(maximumSessions: 1, hasTable: true)
        try scene.accept()
        scene.pauseUntilTold(from: 0)
    }

    @Test("another failure is tried again ten times a second, and nobody is told")
    func otherFailure() throws {
        let scene = try Scene(hasTable: true)
        #expect(scene.pause(after: 0, EPERM) == 100 * Self.millisecond)
        #expect(scene.refused == 0)
    }
}
