// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// Row 6: closed with a receive armed and a send blocked: the client sees the end within 100 ms all the same.
enum CloseRow {
    private static let promise = 100.0
    /// A busy machine may take ten times as long.
    private static let bound = 1_000.0

    static func run(_ features: UringFeatures, _ effort: Effort) throws -> Outcome {
        var slowest = (armed: 0.0, blocked: 0.0)
        var inFlight: UInt64 = 0
        let count = effort.count(1_000, quick: 200)
        for (mode, isHard) in [(features, false), (features, true), ([], false), ([], true)] {
            let (time, waited) = try close(mode, count, isHard)
            slowest = (max(slowest.armed, time.armed), max(slowest.blocked, time.blocked))
            inFlight += waited
        }
        let worst = max(slowest.armed, slowest.blocked)
        try require(worst <= bound, "the slowest client saw the end after \(Int(worst)) ms")
        return Outcome(
            row: 6,
            text: "\(grouped(4 * count)) closes with a receive armed: the slowest client saw the end after "
                + "\(Int(slowest.armed.rounded(.up))) ms (promise: \(Int(promise)) ms); half of them with a send blocked "
                + "by a window of 8 KiB: after \(Int(slowest.blocked.rounded(.up))) ms, what TCP had taken before it",
            fired: [("closesInFlight", inFlight)])
    }

    private static func close(_ features: UringFeatures, _ count: Int, _ isHard: Bool) throws -> (
        time: (armed: Double, blocked: Double), waited: UInt64
    ) {
        var bench = try Bench(try UringPort(capacity: count, features: features), seconds: 60)
        let pairs = try Pairs()
        let large = UnsafeMutableRawBufferPointer.allocate(byteCount: 300_000, alignment: 16)
        defer { large.deallocate() }
        large.initializeMemory(as: UInt8.self, repeating: 7)
        var far: [Int32] = []
        defer { for descriptor in far { _ = Glibc.close(descriptor) } }
        for slot in 0..<count {
            let pair = try pairs.make(.tcp)
            far.append(pair.far)
            Far.setBuffer(pair.near, SO_SNDBUF, 8_192)
            Far.setBuffer(pair.far, SO_RCVBUF, 8_192)
            let key = CompletionKey(slot: slot, generation: 1)
            bench.port.associate(pair.near, key: key)
            bench.port.receive(key)
            if slot % 2 == 0 { bench.port.sendTracked(key, UnsafeRawBufferPointer(large)) }
        }
        for _ in 0..<3 { try bench.turn(1) }
        let began = MonotonicClock.now()
        for slot in 0..<count { bench.port.close(CompletionKey(slot: slot, generation: 1), hard: isHard) }
        var closed = 0
        var waiting = Set(far.indices)
        var slowest = (armed: 0.0, blocked: 0.0)
        while closed < count || !waiting.isEmpty {
            try bench.turn(0) { completion, _ in if completion.kind == .closed { closed += 1 } }
            for index in waiting where hasEnded(far[index], large) {
                waiting.remove(index)
                let time = Double(MonotonicClock.now() - began) / 1e6
                if index % 2 == 0 { slowest.blocked = max(slowest.blocked, time) }
                if index % 2 == 1 { slowest.armed = max(slowest.armed, time) }
            }
        }
        return (slowest, bench.port.counters.closesInFlight)
    }

    private static func hasEnded(_ descriptor: Int32, _ memory: UnsafeMutableRawBufferPointer) -> Bool {
        while true {
            switch Far.read(descriptor, memory) {
            case .bytes: continue
            case .nothing: return false
            case .end, .reset: return true
            }
        }
    }
}
