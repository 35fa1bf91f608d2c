// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
@_spi(Measuring) internal import Overlapped
@_spi(Measuring) internal import SimulatedKernel

/// One seed: a port, its features and sizes, the faults of its kernel, and a caller for it.
final class PortCall {
    private var dice: Dice
    private let machine: SimulatedMachine
    private let capacity: Int
    /// What the kernel told.
    var completions: Int { machine.completions }

    init(seed: UInt64, log: ((String) -> Void)?) {
        dice = Dice(seed: seed)
        let plan = FaultPlan(drawnFrom: &dice)
        capacity = dice.pick([2, 6, 6, 40])
        machine = SimulatedMachine(seed: dice.next(), plan: plan)
        machine.log = log
        machine.travelRange = dice.pick([1_000...5_000, 1_000...200_000, 1_000...5_000_000])
    }

    /// Runs it. Returns what went wrong.
    func run() -> String? {
        do {
            if dice.chance(300) {
                try play(EpollPort(capacity: capacity, kernel: machine))
            } else {
                try play(makeRingPort())
            }
        } catch {
            machine.fail("\(error)")
        }
        return machine.failure
    }

    private func makeRingPort() throws -> UringPort {
        var features = UringFeatures.all
        for (feature, _) in UringFeatures.names where dice.chance(300) { features.remove(feature) }
        if !features.contains(.silentSend) { features.remove(.directDescriptors) }
        var sizes = UringSizes()
        sizes.submissions = dice.pick([2, 8, 16, 64])
        sizes.completions = max(sizes.submissions, dice.pick([4, 16, 64, 1_024]))
        sizes.buffers = dice.pick([4, 8, 64])
        sizes.bufferSize = dice.pick([4_096, 4_096, 8_192, 65_536])
        let isDirect = features.contains(.directDescriptors) && dice.chance(400)
        return try UringPort(
            capacity: capacity, features: features, directDescriptors: isDirect, sizes: sizes,
            kernel: machine)
    }

    private func play<P: CompletionPort & ~Copyable>(_ port: consuming P) throws {
        let caller = try PortCaller(port, capacity: capacity, machine, Dice(seed: dice.next()))
        try caller.play(turns: 400)
    }
}
