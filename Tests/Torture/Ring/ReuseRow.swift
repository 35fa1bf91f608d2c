// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// Row 5: a slot and a descriptor's number go to somebody else at once, with bytes and cancels on their way.
enum ReuseRow {
    private static let width = 16

    static func run<P: AnyPort>(_ effort: Effort, _ make: (Int) throws -> P) throws -> Outcome {
        let cycles = effort.count(1_000_000, quick: 50_000)
        var bench = try Bench(try make(width), seconds: 300)
        let pairs = try Pairs()
        var generation: UInt32 = 0
        var numbers: Set<Int32> = []
        var reusedNumbers: UInt64 = 0
        var received: UInt64 = 0
        for batch in 0..<cycles / width {
            generation += 1
            var far: [Int32] = []
            for slot in 0..<width {
                let pair = try pairs.make(batch % 64 == 0 ? .tcp : .unix)
                far.append(pair.far)
                if !numbers.insert(pair.near).inserted { reusedNumbers += 1 }
                bench.port.associate(pair.near, key: CompletionKey(slot: slot, generation: generation))
                bench.port.receive(CompletionKey(slot: slot, generation: generation))
                if generation > 1 { touchWithOldKey(&bench, CompletionKey(slot: slot, generation: generation - 1)) }
            }
            received += try live(&bench, far, generation, batch)
            for descriptor in far { close(descriptor) }
        }
        try require(received > 0, "no stream ever received")
        let counters = bench.port.counters
        return Outcome(
            row: 5,
            text:
                "\(grouped(cycles)) streams on \(width) slots, each with the last one's slot and descriptor; old keys "
                + "used on purpose; nobody got another's byte or end (completions that found their key gone: "
                + "\(counters.stale), late receives: \(counters.lateReceives))",
            fired: [
                ("slotsReused", UInt64(cycles - width)), ("descriptorsReused", reusedNumbers),
            ])
    }

    /// Nothing of this may reach the stream that has the slot now.
    private static func touchWithOldKey<P: AnyPort>(_ bench: inout Bench<P>, _ old: CompletionKey) {
        bench.port.pause(old)
        bench.port.receive(old)
        bench.port.close(old, hard: true)
    }

    private static func live<P: AnyPort>(
        _ bench: inout Bench<P>, _ far: [Int32], _ generation: UInt32, _ batch: Int
    ) throws -> UInt64 {
        let tag = Int(generation)
        var received: UInt64 = 0
        var closed = 0
        func take(_ completion: Completion, _ bytes: UnsafeRawBufferPointer) throws {
            let key = completion.key
            try require(key.generation == generation, "\(completion.kind) of a stream that is gone")
            switch completion.kind {
            case .closed: closed += 1
            case .received:
                received += 1
                let isOwn = bytes.allSatisfy { $0 == UInt8(truncatingIfNeeded: tag &* 16 &+ key.slot) }
                try require(isOwn, "another's bytes at slot \(key.slot)")
            case .ended where batch % 64 == 0: break
            default: throw Broken("\(completion.kind) of slot \(key.slot)")
            }
        }
        if batch % 3 == 0 { try bench.turn(0, take) }
        for slot in 0..<width {
            let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: tag &* 16 &+ slot), count: 1 + slot * 7)
            _ = Far.send(far[slot], bytes)
        }
        if batch % 3 == 1 { try bench.turn(0, take) }
        for slot in 0..<width {
            let key = CompletionKey(slot: slot, generation: generation)
            if slot % 3 == 0 { bench.port.pause(key) }
            if slot % 5 == 0 { bench.port.receive(key) }
            bench.port.close(key, hard: (slot + batch) % 2 == 0)
            _ = Far.send(far[slot], [0xFF])
        }
        while closed < width { try bench.turn(100, take) }
        try require(closed == width, "closed more than once")
        return received
    }
}
