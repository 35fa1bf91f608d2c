// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@Suite struct ReplayTests {
    private let tower = WorldConfiguration(width: 12, height: 249, moveIntervalMilliseconds: 0, seed: 22)

    private func replay(_ bytes: [UInt8], regions: Int) throws -> (difference: ReplayDifference?, ticks: UInt64) {
        try bytes.withUnsafeBytes { bytes in
            var replay = try Replay(RunLog(bytes), regions: regions)
            let difference = try replay.run()
            return (difference, replay.ticks)
        }
    }

    @Test("the log of a run on 1, 2 or 8 regions is the same again on 1, 2, 3 and 8", arguments: [1, 2, 8])
    func identical(recorded: Int) throws {
        let bytes = recordedRun(tower, regions: recorded, workers: 2, players: 60, ticks: 60, seed: 3)
        for regions in [1, 2, 3, 8] {
            let (difference, ticks) = try replay(bytes, regions: regions)
            #expect(difference == nil && ticks == 60)
        }
        try bytes.withUnsafeBytes { bytes in
            let log = try RunLog(bytes)
            #expect(log.ending == .end(.closed) && log.configuration == tower && log.regions == recorded)
            var replay = try Replay(log, regions: 2)
            _ = try replay.run()
            #expect(replay.commands > 1_000 && replay.outputs > 500 && replay.sectors > 500)
        }
    }

    @Test("the first output that differs is named by tick and session, the first sector by tick and place")
    func different() throws {
        let spoiled = session(7, worker: 1)
        let bytes = recordedRun(tower, regions: 2, workers: 2, players: 60, ticks: 40, seed: 3) {
            tick, session, digest in
            tick >= 20 && session == spoiled ? digest ^ 1 : digest
        }
        for regions in [1, 8] {
            guard case .output(let tick, let session) = try replay(bytes, regions: regions).difference else {
                Issue.record("no difference of an output")
                return
            }
            #expect(session == spoiled && tick >= 20)
        }
        // Another seed puts the first player elsewhere: his session gets another answer.
        var other = bytes
        let place = try #require(find(tower.seed, in: bytes))
        other[place] ^= 1
        #expect(throws: LogFault.self) { try replay(other, regions: 1) }
        other.replaceSubrange(0..<(place + 8 + 4 + 4 + 8), with: header(seed: 23))
        guard case .output = try replay(other, regions: 1).difference else {
            Issue.record("another seed makes no difference")
            return
        }
    }

    @Test("a state that differs is found even if nobody sees it")
    func unseen() throws {
        let log = LogBuffer()
        log.appendHeader(tower, workers: 1, regions: 1)
        let batch = CommandBatch(worker: 0)
        batch.leave(session: session(1), number: 1, request: nil)
        log.append(commands: batch, tick: 1)
        log.beginOutputs(tick: 1, worker: 0)
        log.endList()
        log.beginSectors(tick: 1, region: 0)
        let sector = SectorGrid(tower).sector(x: 3, y: 100)
        log.append(sector: sector, hash: 5)
        log.endList()
        #expect(try replay(Array(log.bytes), regions: 1).difference == .sector(tick: 1, sector))
    }

    @Test("a log that was cut off anywhere is good up to its last whole tick")
    func cut() throws {
        let small = WorldConfiguration(width: 12, height: 70, moveIntervalMilliseconds: 0, seed: 1)
        let bytes = recordedRun(small, regions: 2, workers: 2, players: 6, ticks: 12, seed: 5)
        var last: UInt64 = 0
        for count in 0..<bytes.count {
            let part = Array(bytes.prefix(count))
            try part.withUnsafeBytes { part in
                guard let log = try? RunLog(part) else { return #expect(count < 12 + 13 + 30) }
                #expect(log.lastTick >= last && log.lastTick <= 12)
                guard case .cut(let offset) = log.ending else {
                    Issue.record("the end of a log that was cut off at \(count)")
                    return
                }
                #expect(offset <= count)
                if log.lastTick > last {
                    var replay = try Replay(log, regions: 1)
                    #expect(try replay.run() == nil && replay.ticks == log.lastTick)
                }
                last = log.lastTick
            }
        }
        #expect(last == 12)
    }

    @Test("damage is found wherever it is, and garbage is refused, without a trap")
    func damage() {
        let small = WorldConfiguration(width: 12, height: 70, moveIntervalMilliseconds: 0, seed: 1)
        let bytes = recordedRun(small, regions: 2, workers: 2, players: 6, ticks: 12, seed: 5)
        var dice = Dice(seed: 1)
        for _ in 0..<4_000 {
            var damaged = bytes
            damaged[dice.below(bytes.count)] ^= UInt8(1 << dice.below(8))
            damaged.withUnsafeBytes { damaged in
                guard let log = try? RunLog(damaged) else { return }
                if case .end = log.ending { Issue.record("damage was not seen") }
            }
            var garbage = Array(bytes.prefix(12)) + (0..<dice.below(200)).map { _ in UInt8(dice.below(256)) }
            if dice.chance(50) { garbage.replaceSubrange(0..<12, with: (0..<12).map { _ in UInt8(dice.below(256)) }) }
            garbage.withUnsafeBytes { #expect((try? RunLog($0)) == nil) }
        }
    }

    @Test("a log says how it ended, of another version is refused, and a map has room for so many regions")
    func others() throws {
        let behind = recordedRun(tower, regions: 1, workers: 1, players: 5, ticks: 3, seed: 5, end: .fellBehind)
        let ending = try behind.withUnsafeBytes { try RunLog($0).ending }
        #expect(ending == .end(.fellBehind))
        var newer = behind
        newer[8] = 2
        #expect(throws: LogFault.self) { try replay(newer, regions: 1) }
        #expect(throws: LogFault.self) { try replay(behind, regions: 9) }
        #expect(throws: LogFault.self) { try replay(behind + behind, regions: 1) }
    }

    @Test("commands that cannot be are refused", arguments: 0..<3)
    func commands(kind: Int) throws {
        let log = LogBuffer()
        log.appendHeader(tower, workers: 2, regions: 1)
        for worker in 0..<2 {
            let batch = CommandBatch(worker: worker)
            let session = session(1, worker: kind == 0 ? 1 : UInt8(worker))
            batch.enter(session: session, number: 1, request: 1, object: 7, character: 1, name: "x")
            if kind == 2 {
                batch.removeAll()
                let text = Array(repeating: UInt8(97), count: 301)
                batch.chat(session: session, number: 1, request: 1, scope: 0, text: text.span.bytes)
            }
            log.append(commands: batch, tick: 1)
            log.beginOutputs(tick: 1, worker: worker)
            log.endList()
        }
        log.beginSectors(tick: 1, region: 0)
        log.endList()
        #expect(throws: LogFault.self) { try replay(Array(log.bytes), regions: 1) }
    }

    private func header(seed: UInt64) -> [UInt8] {
        let log = LogBuffer()
        let configuration = WorldConfiguration(width: 12, height: 249, moveIntervalMilliseconds: 0, seed: seed)
        log.appendHeader(configuration, workers: 2, regions: 2)
        return Array(log.bytes)
    }

    private func find(_ number: UInt64, in bytes: [UInt8]) -> Int? {
        let pattern = withUnsafeBytes(of: number.littleEndian) { Array($0) }
        return (0..<bytes.count - 8).first { Array(bytes[$0..<($0 + 8)]) == pattern }
    }
}
