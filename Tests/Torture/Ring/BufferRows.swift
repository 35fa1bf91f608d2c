// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// Rows 1 and 2: the shared receive buffers run out, and come back whatever becomes of their streams.
enum BufferRows {
    /// Row 1: four buffers, a thousand sessions: every packet arrives once, in order.
    static func exhausted(_ features: UringFeatures, _ effort: Effort) throws -> Outcome {
        let sessions = 1_000
        let rounds = effort.count(100, quick: 10)
        let piece = 600
        var fired: UInt64 = 0
        for mode in [features, features.subtracting(.incrementalBuffers), []] {
            var sizes = UringSizes()
            sizes.buffers = 4
            var bench = try Bench(try UringPort(capacity: sessions, features: mode, sizes: sizes))
            let pairs = try Pairs()
            var far: [Int32] = []
            defer { for descriptor in far { close(descriptor) } }
            for slot in 0..<sessions {
                let pair = try pairs.make(slot % 2 == 0 ? .tcp : .unix)
                far.append(pair.far)
                let key = CompletionKey(slot: slot, generation: 1)
                bench.port.associate(pair.near, key: key)
                bench.port.receive(key)
            }
            var received = [Int](repeating: 0, count: sessions)
            for round in 1...rounds {
                for slot in 0..<sessions {
                    let bytes = pattern(slot, from: (round - 1) * piece, count: piece)
                    try require(Far.send(far[slot], bytes) == piece, "the far end of \(slot) is full")
                }
                var missing = sessions * piece
                while missing > 0 {
                    try bench.turn(100) { completion, bytes in
                        guard completion.kind == .received else {
                            throw Broken("\(completion.kind) of slot \(completion.key.slot)")
                        }
                        let slot = completion.key.slot
                        try require(isPattern(bytes, slot, from: received[slot]), "other bytes at slot \(slot)")
                        received[slot] += bytes.count
                        missing -= bytes.count
                    }
                }
                try require(missing == 0, "\(-missing) bytes too many")
            }
            fired += bench.port.counters.buffersExhausted
        }
        let packets = grouped(3 * sessions * rounds)
        return Outcome(
            row: 1, text: "ring of 4 buffers, 1,000 sessions, \(packets) packets in three modes, each arrived once",
            fired: [("buffersExhausted", fired)])
    }

    /// Row 2: streams closed with bytes on their way: no buffer is lost.
    static func leaked(_ features: UringFeatures, _ effort: Effort) throws -> Outcome {
        let total = effort.count(1_000_000, quick: 50_000)
        var late: UInt64 = 0
        for mode in [features, []] {
            late += try races(mode, total / 2)
        }
        return Outcome(
            row: 2, text: "\(grouped(total)) connect, receive, close races in two modes; every buffer is back",
            fired: [("lateReceives", late)])
    }

    private static func races(_ features: UringFeatures, _ cycles: Int) throws -> UInt64 {
        let width = 64
        var bench = try Bench(try UringPort(capacity: width, features: features), seconds: 300)
        let pairs = try Pairs()
        var generation: UInt32 = 0
        for batch in 0..<max(1, cycles / width) {
            generation += 1
            var far: [Int32] = []
            defer { for descriptor in far { close(descriptor) } }
            for slot in 0..<width {
                let pair = try pairs.make(batch / 4 % 8 == 0 ? .tcp : .unix)
                far.append(pair.far)
                let key = CompletionKey(slot: slot, generation: generation)
                bench.port.associate(pair.near, key: key)
                bench.port.receive(key)
            }
            if batch % 4 != 3 { try bench.turn() }
            let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: batch), count: 300)
            for slot in 0..<width { _ = Far.send(far[slot], bytes) }
            if batch % 4 == 1 { try bench.turn() }
            var open = width
            if batch % 4 == 0 {
                // Closed when the first has been read: what the others have brought lies in the queue already.
                try bench.begin(100)
                while let (completion, _) = bench.next(), completion.kind != .received {}
            }
            for slot in 0..<width {
                let key = CompletionKey(slot: slot, generation: generation)
                if slot % 4 == 3 { bench.port.pause(key) }
                bench.port.close(key, hard: slot % 2 == 0)
            }
            while bench.next() != nil {}
            while open > 0 { try bench.turn(100) { completion, _ in if completion.kind == .closed { open -= 1 } } }
        }
        try bench.turn()
        guard let lost = bench.port.lostBuffers else { throw Broken("this kernel does not tell where its buffers are") }
        try require(lost == 0, "\(lost) of \(bench.port.bufferCount) buffers are lost")
        return bench.port.counters.lateReceives
    }
}
