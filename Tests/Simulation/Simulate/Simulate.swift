// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Glibc
internal import SimulatedKernel
internal import Simulation

/// `Simulate`: seeds of the simulated kernel, on as many threads as there are processors.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the engine and the world on a simulated kernel, a seed at a time.",
        discussion: "Example: Simulate --seeds 10000, or Simulate --seed 463 --trace")

    @Option(help: "How many seeds.")
    var seeds = 1_000

    @Option(help: "The first of them.")
    var first: UInt64 = 1

    @Option(help: "Only this one, again.")
    var seed: UInt64?

    @Flag(help: "With --seed: print everything that happens, in words.")
    var trace = false

    @Option(help: "Threads; 0: one for each processor.")
    var threads = 0

    @Option(help: "A bug on purpose, in a build that has them (-DGORI_CANARIES): slot, memory or doorbell.")
    var canary: String?

    @Flag(help: "Fail when something that must happen at times has not; from 10,000 seeds on that is always so.")
    var everything = false

    @Option(help: "Stop after so many failing seeds.")
    var failures = 5

    func validate() throws {
        guard (1...100_000_000).contains(seeds) else { throw ValidationError("--seeds takes 1 to 100000000") }
        guard (0...64).contains(threads) else { throw ValidationError("--threads takes 0 to 64") }
        guard seed != nil || !trace else { throw ValidationError("--trace goes with --seed") }
        guard failures > 0 else { throw ValidationError("--failures takes 1 or more") }
    }

    func run() throws {
        if let canary { try Canaries.plant(canary) }
        if let seed { return try replay(seed) }
        let campaign = Campaign(seeds: first..<first + UInt64(seeds), failureLimit: failures, canary: canary)
        campaign.run(threads: threads > 0 ? threads : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let isComplete = Report.print(campaign, demandsEverything: everything || seeds >= 10_000)
        guard campaign.failed.isEmpty, isComplete else { throw ExitCode(1) }
    }

    /// One seed, with an account of it if wanted.
    private func replay(_ seed: UInt64) throws {
        Crash.watch(seed: seed, thread: 0, canary: canary)
        let outcome = Simulation(seed: seed, log: trace ? { print($0) } : nil).run()
        print(
            "seed \(seed): \(outcome.completions) completions, \(outcome.clients) clients, \(outcome.steps) steps, "
                + "\(outcome.virtualTime / 1_000_000) ms of its own time, digest \(String(outcome.digest, radix: 16))")
        guard let failure = outcome.failure else { return print("clean") }
        print("FAILED: \(failure)")
        throw ExitCode(1)
    }
}
