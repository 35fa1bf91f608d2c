// SPDX-License-Identifier: Apache-2.0

import Foundation
import Platform
import Testing
import World
import WorldServer

@Suite struct RecorderTests {
    private let world = WorldConfiguration(width: 40, height: 100, seed: 4)

    private func temporary() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gori-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// A tick in which nothing is asked and nobody gets anything.
    private func fill(_ buffer: LogBuffer, tick: UInt64, chats: Int = 0) {
        let batch = CommandBatch(worker: 0)
        for number in 0..<chats {
            batch.chat(session: 1, number: UInt32(number), Chat(request: 1, text: "nobody is there to hear this"))
        }
        buffer.append(commands: batch, tick: tick)
        buffer.beginOutputs(tick: tick, worker: 0)
        buffer.endList()
        buffer.beginSectors(tick: tick, region: 0)
        buffer.endList()
    }

    @Test("what was given is in the file, in order, and the file says that it is all")
    func writes() throws {
        let folder = try temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "run.log")
        let recorder = try Recorder(path: file.path, world, workers: 1, regions: 1)
        for tick in UInt64(1)...200 {
            let buffer = try #require(recorder.take())
            #expect(buffer.bytes.isEmpty)
            fill(buffer, tick: tick)
            #expect(recorder.give(buffer))
        }
        let outcome = recorder.finish()
        let data = try Data(contentsOf: file)
        #expect(outcome.failure == nil && outcome.dropped == 0 && outcome.bytes == UInt64(data.count))
        try data.withUnsafeBytes { bytes in
            let log = try RunLog(bytes)
            #expect(log.lastTick == 200 && log.ending == .end(.closed) && log.configuration == world)
        }
    }

    @Test("a file that takes nothing ends the log; what comes after is counted, and nobody waits")
    func fallsBehind() throws {
        let folder = try temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let pipe = folder.appending(path: "pipe")
        try #require(mkfifo(pipe.path, 0o600) == 0)
        // A reader that does not read: the kernel takes 64 KiB and then no more.
        let reader = open(pipe.path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let recorder = try Recorder(path: pipe.path, world, workers: 1, regions: 1, limit: 1 << 20)
        var given = 0
        for tick in UInt64(1)...100 {
            guard let buffer = recorder.take() else { continue }
            fill(buffer, tick: tick, chats: 500)
            if recorder.give(buffer) { given += 1 }
        }
        // 500 chats are 23 KiB: 1 MiB is full after 40 to 50 of them.
        #expect((40...50).contains(given))
        let outcome = recorder.finish(within: 1)
        #expect(outcome.dropped == UInt64(100 - given))
        #expect(outcome.failure?.contains("as fast as the world") == true)
    }

    @Test("a log that fell behind is good up to there and says so when the file takes it after all")
    func catchesUp() throws {
        let folder = try temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let pipe = folder.appending(path: "pipe")
        try #require(mkfifo(pipe.path, 0o600) == 0)
        let reader = open(pipe.path, O_RDWR)
        defer { close(reader) }
        let recorder = try Recorder(path: pipe.path, world, workers: 1, regions: 1, limit: 1 << 18)
        var given: UInt64 = 0
        for tick in UInt64(1)...100 {
            guard let buffer = recorder.take() else { continue }
            fill(buffer, tick: tick, chats: 500)
            if recorder.give(buffer) { given += 1 }
        }
        var bytes: [UInt8] = []
        var ending: RunLog.Ending?
        while ending != .end(.fellBehind) {
            var part = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(reader, &part, part.count)
            try #require(count > 0)
            bytes += part.prefix(count)
            ending = bytes.withUnsafeBytes { (try? RunLog($0))?.ending }
        }
        let last = try bytes.withUnsafeBytes { try RunLog($0).lastTick }
        #expect(last == given)
        #expect(recorder.finish().failure != nil)
    }

    @Test("a pipe whose reader goes ends the log and nothing else")
    func brokenPipe() throws {
        let folder = try temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let pipe = folder.appending(path: "pipe")
        try #require(mkfifo(pipe.path, 0o600) == 0)
        let reader = open(pipe.path, O_RDONLY | O_NONBLOCK)
        let recorder = try Recorder(path: pipe.path, world, workers: 1, regions: 1)
        close(reader)
        let buffer = try #require(recorder.take())
        fill(buffer, tick: 1)
        recorder.give(buffer)
        #expect(recorder.finish().failure == "Broken pipe")
    }

    @Test("its thread takes no signal, or the one that stops a server would end it without a drain")
    func signals() throws {
        let folder = try temporary()
        defer { try? FileManager.default.removeItem(at: folder) }
        let pipe = folder.appending(path: "pipe")
        try #require(mkfifo(pipe.path, 0o600) == 0)
        let reader = open(pipe.path, O_RDONLY | O_NONBLOCK)
        let seen = Lock<[Bool]>([])
        let hasTold = DispatchSemaphore(value: 0)
        let recorder = try Recorder(path: pipe.path, world, workers: 1, regions: 1) { _ in
            var mask = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &mask)
            seen.withLock { $0 = [SIGTERM, SIGINT, SIGUSR1, SIGPIPE].map { sigismember(&mask, $0) == 1 } }
            hasTold.signal()
        }
        close(reader)
        let buffer = try #require(recorder.take())
        fill(buffer, tick: 1)
        recorder.give(buffer)
        #expect(hasTold.wait(timeout: .now() + 10) == .success)
        #expect(seen.withLock { $0 } == [true, true, true, true])
    }

    @Test("a disk that is full is told of")
    func full() {
        #expect(throws: RecordingFailure.self) {
            _ = try Recorder(path: "/dev/full", world, workers: 1, regions: 1)
        }
        #expect(throws: RecordingFailure.self) {
            _ = try Recorder(path: "/nowhere/run.log", world, workers: 1, regions: 1)
        }
    }
}
