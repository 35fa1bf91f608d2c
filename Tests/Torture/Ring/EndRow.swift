// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// Row 11: with each newer way of receiving switched on and off, no end of stream is lost over TCP. Over AF_UNIX the
/// kernel may lose one behind bytes (liburing issue 1549); what a limit of idle time closes then is closed whole.
enum EndRow {
    private static let width = 500
    /// Silence after which a local socket counts as forgotten by the kernel, in nanoseconds.
    private static let idleLimit: UInt64 = 100_000_000

    static func run(_ features: UringFeatures, _ effort: Effort) throws -> Outcome {
        let count = effort.count(10_000, quick: 1_000)
        var modes: [(String, UringFeatures)] = [("all", features), ("none", [])]
        for (feature, name) in UringFeatures.names where features.contains(feature) {
            modes.append(("all but \(name)", features.subtracting(feature)))
            modes.append(("only \(name)", feature))
        }
        var noticed: UInt64 = 0
        var forgotten = 0
        for (name, mode) in modes {
            do {
                noticed += UInt64(count - (try ends(mode, count, .tcp)))
                forgotten += try ends(mode, 2 * width, .unix)
            } catch {
                throw Broken("with \(name): \(error)")
            }
        }
        return Outcome(
            row: 11,
            text: "\(grouped(count)) ends of stream over TCP in each of \(modes.count) modes, behind bytes and alone, "
                + "each noticed once, none lost; of \(grouped(2 * width * modes.count)) over AF_UNIX (which Gori does not "
                + "serve) this kernel lost \(grouped(forgotten)), closed by the limit of idle time",
            fired: [("endsOfStream", noticed)])
    }

    /// Returns how many ends the kernel has lost.
    private static func ends(_ features: UringFeatures, _ total: Int, _ kind: Pairs.Kind) throws -> Int {
        var bench = try Bench(try UringPort(capacity: width, features: features), seconds: 60)
        let pairs = try Pairs()
        var lost = 0
        for batch in 0..<total / width {
            let generation = UInt32(batch + 1)
            var far: [Int32] = []
            defer { for descriptor in far where descriptor >= 0 { close(descriptor) } }
            for slot in 0..<width {
                let pair = try pairs.make(kind)
                far.append(pair.far)
                bench.port.associate(pair.near, key: CompletionKey(slot: slot, generation: generation))
                bench.port.receive(CompletionKey(slot: slot, generation: generation))
            }
            if batch % 2 == 0 { try bench.turn() }
            for slot in 0..<width {
                if slot % 3 > 0 { _ = Far.send(far[slot], [UInt8](repeating: 1, count: slot % 3 * 5_000)) }
                if slot % 4 < 2 { shutdown(far[slot], Int32(SHUT_WR)) } else { close(far[slot]) }
                if slot % 4 >= 2 { far[slot] = -1 }
            }
            lost += try awaitEnds(&bench, generation, kind)
        }
        return lost
    }

    private static func awaitEnds(
        _ bench: inout Bench<UringPort>, _ generation: UInt32, _ kind: Pairs.Kind
    ) throws -> Int {
        var bytes = [Int](repeating: 0, count: width)
        var isFinished = [Bool](repeating: false, count: width)
        var closed = 0
        var lost = 0
        var heard = MonotonicClock.now()
        let limit = heard + 10_000_000_000
        while closed < width {
            var done: [CompletionKey] = []
            try bench.turn(20) { completion, chunk in
                heard = MonotonicClock.now()
                let slot = completion.key.slot
                switch completion.kind {
                case .received: bytes[slot] += chunk.count
                case .finished:
                    try require(!isFinished[slot], "an end told twice")
                    try require(bytes[slot] == slot % 3 * 5_000, "an end before the last bytes")
                    isFinished[slot] = true
                    done.append(completion.key)
                case .closed: closed += 1
                default: throw Broken("\(completion.kind) instead of an end")
                }
            }
            for key in done { bench.port.close(key, hard: false) }
            if kind == .unix, lost == 0, MonotonicClock.now() > heard + idleLimit {
                for slot in 0..<width where !isFinished[slot] {
                    lost += 1
                    bench.port.close(CompletionKey(slot: slot, generation: generation), hard: false)
                }
            }
            try require(MonotonicClock.now() < limit, "\(width - closed) streams never ended")
        }
        return lost
    }
}
