// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import SimulatedKernel
internal import Simulation

/// What a campaign says: a line for each seed that failed, and one of totals.
enum Report {
    /// The command that runs a seed again, exactly.
    static func command(_ seed: UInt64, canary: String?) -> String {
        "make simulate SEED=\(seed)" + (canary.map { " CANARY=\($0)" } ?? "")
    }

    static func print(failed seed: UInt64, _ what: String, canary: String?) {
        Swift.print("seed \(seed) FAILED: \(what)\n    again, with all that happens: \(command(seed, canary: canary))")
        fflush(nil)
    }

    /// Returns whether everything was seen that has to be.
    static func print(_ campaign: Campaign, demandsEverything: Bool) -> Bool {
        let unseen = unseen(campaign)
        if !unseen.isEmpty, demandsEverything {
            Swift.print("NEVER SEEN in \(campaign.done) seeds: \(unseen.joined(separator: ", "))")
        }
        let clients = campaign.clientCounts.sorted()
        let median = clients.isEmpty ? 0 : clients[clients.count / 2]
        let minutes = max(campaign.processorSeconds, 0.001) / 60
        let rare = rarest(campaign).map { "\($0.name) \($0.count)" } ?? "none"
        Swift.print(
            "\(campaign.done) seeds from \(campaign.seeds.lowerBound): \(campaign.failed.count) failed, "
                + "\(campaign.repeated) run twice and the same; \(campaign.completions) completions, at least "
                + "\(campaign.leastCompletions) a seed; \(median) clients in the median; "
                + "\(Int(Double(campaign.done + campaign.repeated) / minutes)) seeds a minute and core; "
                + "seen \(total - unseen.count) of \(total) things that must happen at times, the rarest: \(rare)")
        return unseen.isEmpty || !demandsEverything
    }

    private static var total: Int { Mark.allCases.count + Sight.allCases.count }

    private static func counts(_ campaign: Campaign) -> [(name: String, count: UInt64)] {
        Mark.allCases.map { ("\($0)", campaign.marks[$0]) } + Sight.allCases.map { ("\($0)", campaign.sights[$0]) }
    }

    private static func unseen(_ campaign: Campaign) -> [String] {
        counts(campaign).filter { $0.count == 0 }.map(\.name)
    }

    private static func rarest(_ campaign: Campaign) -> (name: String, count: UInt64)? {
        counts(campaign).filter { $0.count > 0 }.min { $0.count < $1.count }
    }
}
