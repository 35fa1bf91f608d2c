// SPDX-License-Identifier: Apache-2.0

internal import World

/// A region on its worker: gathers the commands of all workers, steps when they are complete, and hands out frames.
final class RegionOwner {
    private var region: Region
    private let workers: Int
    private var gathered: [CommandBatch] = []
    private let effects = EffectBatch()
    /// More letters than a worker can be ticks behind.
    private let letters: [FrameLetter]
    private var tick: UInt64 = 0
    /// The last tick was more than half an interval late.
    private(set) var wasLate = false

    init(_ world: WorldConfiguration, workers: Int, capacity: Int) {
        region = Region(configuration: world, workers: workers, capacity: capacity)
        self.workers = workers
        letters = (0..<16).map { _ in FrameLetter() }
        gathered.reserveCapacity(workers)
    }

    /// Takes one worker's commands.
    ///
    /// - Parameters:
    ///   - due: when the tick was to be closed.
    ///   - interval: from tick to tick, in nanoseconds.
    /// - Returns: the frame, once the commands of every worker are here.
    func receive(_ batch: CommandBatch, now: UInt64, due: UInt64, interval: UInt64) -> FrameLetter? {
        gathered.append(batch)
        guard gathered.count == workers else { return nil }
        tick += 1
        region.decide(tick: tick, commands: gathered, into: effects)
        gathered.removeAll(keepingCapacity: true)
        let letter = letters[Int(tick % UInt64(letters.count))]
        letter.frame = region.apply([effects])
        // A late tick moves the schedule of all; it is never caught up.
        wasLate = due > 0 && now > due + interval / 2
        letter.nextDue = due == 0 || wasLate ? now + interval / 2 : due + interval
        return letter
    }
}
