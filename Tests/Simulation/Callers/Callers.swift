// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import SimulatedKernel
internal import Synchronization

/// `Callers`: ports on the simulated kernel in the hands of callers that do whatever the rules of a port allow, also
/// what the engine never does. Together with `Simulate` it makes the transitions that `make fidelity` compares by.
@main
struct Callers: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run completion ports on a simulated kernel with callers that do everything that is allowed.",
        discussion: "Example: Callers --seeds 2000")

    @Option(help: "How many seeds.")
    var seeds = 1_000

    @Option(help: "The first of them.")
    var first: UInt64 = 1

    @Flag(help: "With --seeds 1: print everything that happens, in words.")
    var trace = false

    func validate() throws {
        guard (1...100_000_000).contains(seeds) else { throw ValidationError("--seeds takes 1 to 100000000") }
        guard seeds == 1 || !trace else { throw ValidationError("--trace goes with --seeds 1") }
    }

    func run() throws {
        let failed = Atomic<Int>(0)
        let completions = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: seeds) { index in
            let seed = first &+ UInt64(index)
            let call = PortCall(seed: seed, log: trace ? { print($0) } : nil)
            let failure = call.run()
            completions.add(call.completions, ordering: .relaxed)
            guard let failure else { return }
            failed.add(1, ordering: .relaxed)
            print("seed \(seed) FAILED: \(failure)")
            print("    again, with all that happens: Callers --first \(seed) --seeds 1 --trace")
        }
        let count = failed.load(ordering: .relaxed)
        print("\(seeds) seeds of callers: \(count) failed; \(completions.load(ordering: .relaxed)) completions")
        guard count == 0 else { throw ExitCode(1) }
    }
}
