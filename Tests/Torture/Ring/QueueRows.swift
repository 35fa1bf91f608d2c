// SPDX-License-Identifier: Apache-2.0

import Glibc
import Overlapped

/// Rows 3 and 4: the completion queue overflows, and the kernel does not take what is queued for it.
enum QueueRows {
    /// Row 3: a completion queue of 16 and as many sessions as there are descriptors: every byte comes and goes once.
    static func overflow(_ features: UringFeatures, _ effort: Effort) throws -> Outcome {
        let rounds = effort.count(5, quick: 2)
        let sessions = min(9_500, (Overlapped.Sockets.raiseDescriptorLimit() - 200) / 2)
        var overflows: UInt64 = 0
        for mode in [features, []] { overflows += try echo(mode, sessions, rounds) }
        return Outcome(
            row: 3,
            text: "queues of 8 and 16, \(grouped(sessions)) sessions, "
                + "\(grouped(2 * sessions * rounds)) packets echoed in two modes, none lost",
            fired: [("overflows", overflows)])
    }

    private static func echo(_ features: UringFeatures, _ sessions: Int, _ rounds: Int) throws -> UInt64 {
        var sizes = UringSizes()
        sizes.submissions = 8
        sizes.completions = 16
        var bench = try Bench(try UringPort(capacity: sessions, features: features, sizes: sizes))
        let pairs = try Pairs()
        var far: [Int32] = []
        defer { for descriptor in far { close(descriptor) } }
        for slot in 0..<sessions {
            let pair = try pairs.make(.unix)
            far.append(pair.far)
            let key = CompletionKey(slot: slot, generation: 1)
            bench.port.associate(pair.near, key: key)
            bench.port.receive(key)
        }
        let size = 48
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { memory.deallocate() }
        let answers = UnsafeMutableRawBufferPointer.allocate(byteCount: sessions * size, alignment: 16)
        defer { answers.deallocate() }
        for round in 0..<rounds {
            for slot in 0..<sessions {
                let bytes = pattern(slot, from: round * size, count: size)
                try require(Far.send(far[slot], bytes) == size, "the far end of \(slot) is full")
            }
            // A packet comes in two pieces where a buffer ends; it is answered when it is whole.
            var gathered = [Int](repeating: 0, count: sessions)
            var missing = sessions * size
            while missing > 0 {
                var whole: [Int] = []
                try bench.turn(100) { completion, bytes in
                    let slot = completion.key.slot
                    try require(completion.kind == .received, "\(completion.kind) of slot \(slot)")
                    try require(gathered[slot] + bytes.count <= size, "more than was sent")
                    let place = UnsafeMutableRawBufferPointer(rebasing: answers[(slot * size + gathered[slot])...])
                    place.copyMemory(from: bytes)
                    gathered[slot] += bytes.count
                    missing -= bytes.count
                    if gathered[slot] == size { whole.append(slot) }
                }
                for slot in whole {
                    let part = IOVector(UnsafeRawBufferPointer(rebasing: answers[slot * size..<(slot + 1) * size]))
                    let key = CompletionKey(slot: slot, generation: 1)
                    withUnsafePointer(to: part) { bench.port.send(key, UnsafeBufferPointer(start: $0, count: 1)) }
                }
            }
            try bench.turn()
            for slot in 0..<sessions {
                try require(Far.read(far[slot], memory) == .bytes(size), "no whole answer at slot \(slot)")
                try require(isPattern(UnsafeRawBufferPointer(memory), slot, from: round * size), "another's answer")
            }
        }
        return bench.port.counters.overflows
    }

    /// Row 4: every second submission is refused or taken in part; memory is overwritten as soon as it is settled.
    static func refused(_ features: UringFeatures, _ effort: Effort) throws -> Outcome {
        #if DEBUG || GORI_FAULTS
            var refused: UInt64 = 0
            let rounds = effort.count(400, quick: 60)
            for mode in [features, features.subtracting(.silentSend), []] {
                var sizes = UringSizes()
                sizes.submissions = 32
                sizes.completions = 64
                var port = try UringPort(capacity: 200, features: mode, sizes: sizes)
                port.refuseSubmits(every: 2)
                let storm = try Storm(port, count: 200, size: 3_000, receiveBuffer: 16_384)
                try storm.run(rounds: rounds, reads: true)
                refused += storm.counters.submitsRefused
            }
            return Outcome(
                row: 4,
                text: "every second io_uring_enter refused (EBUSY, EAGAIN, EINTR, or one entry of many), memory "
                    + "overwritten once settled; 200 streams, three modes, every byte right",
                fired: [("submitsRefused", refused)])
        #else
            throw Broken("built without GORI_FAULTS")
        #endif
    }
}
