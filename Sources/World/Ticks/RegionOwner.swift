// SPDX-License-Identifier: Apache-2.0

/// A region on its worker: gathers what its ticks need, and steps when it is complete.
struct RegionOwner: ~Copyable {
    private(set) var region: Region
    private let workers: Int
    private var commands: [CommandBatch] = []
    private var effects: [EffectBatch] = []
    /// What this region's decisions do to the objects of each region.
    private let outgoing: [EffectBatch]
    /// More than a worker can be ticks behind.
    private let letters: [FrameLetter]
    private var hasDecided = false
    /// Who sent the last message that the tick waited for.
    private var lastSender = 0
    private var lateWorker: Int?

    init(_ region: consuming Region, workers: Int) {
        let regions = region.map.count
        self.region = region
        self.workers = workers
        outgoing = (0..<regions).map { _ in EffectBatch() }
        letters = (0..<FrameRing.size).map { _ in FrameLetter() }
        commands.reserveCapacity(workers)
        effects.reserveCapacity(regions)
    }

    mutating func receive(_ batch: CommandBatch) {
        commands.append(batch)
        lastSender = batch.worker
    }

    mutating func receive(_ batch: EffectBatch, from worker: Int) {
        effects.append(batch)
        lastSender = worker
    }

    /// Decides the tick once the commands of every worker are here.
    ///
    /// - Parameter isLate: whether it is more than half an interval late by now.
    /// - Returns: the effects for every region, in their order; nil while something is missing.
    mutating func decide(isLate: Bool) -> [EffectBatch]? {
        guard !hasDecided, commands.count == workers else { return nil }
        hasDecided = true
        lateWorker = isLate ? lastSender : nil
        region.decide(tick: region.tick + 1, commands: commands, into: outgoing)
        commands.removeAll(keepingCapacity: true)
        return outgoing
    }

    /// Applies the tick once the effects of every region are here.
    ///
    /// A late tick moves the schedule of all; it is never caught up.
    /// - Parameters:
    ///   - due: when the tick was to be closed; 0 before the first.
    ///   - interval: from tick to tick, in nanoseconds.
    /// - Returns: the frame for every worker; nil while something is missing.
    mutating func apply(now: UInt64, due: UInt64, interval: UInt64) -> FrameLetter? {
        guard hasDecided, effects.count == region.map.count else { return nil }
        hasDecided = false
        let letter = letters[Int(region.tick % UInt64(letters.count))]
        letter.frame = region.apply(effects)
        effects.removeAll(keepingCapacity: true)
        let isLate = due > 0 && now > due + interval / 2
        letter.lateWorker = lateWorker ?? (isLate ? lastSender : nil)
        letter.nextDue = due == 0 || isLate ? now + interval / 2 : due + interval
        return letter
    }

    mutating func absorb(_ frames: [Frame]) { region.absorb(frames) }

    mutating func forEachChangedSector(_ body: (Sector, UInt64) -> Void) { region.forEachChangedSector(body) }
}
