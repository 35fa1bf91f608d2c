// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Gori
internal import Overlapped
@_spi(Measuring) internal import SimulatedKernel
internal import Wire

/// What a seed decides before anything runs: sizes from 1 up, limits that are reached, faults that exist.
struct Scenario {
    let workers: Int
    let clients: Int
    let isWorld: Bool
    /// Nil: epoll.
    let features: UringFeatures?
    let isDirect: Bool
    let sizes: UringSizes
    let plan: FaultPlan
    /// Completions after which the kernel heals.
    let length: Int
    let configuration: ServerConfiguration
    let acceptsAll: Bool
    let networkDelay: ClosedRange<Int>

    init(_ dice: inout Dice) {
        workers = dice.pick([1, 1, 2, 2, 2, 3, 4])
        clients = dice.pick([1, 2, 5, 10, 16, 16, 20, 24, 32, 32, 48, 64])
        isWorld = dice.chance(200)
        var features: UringFeatures?
        if !dice.chance(250) {
            var drawn = UringFeatures.all
            for (feature, _) in UringFeatures.names where dice.chance(300) { drawn.remove(feature) }
            if !drawn.contains(.silentSend) { drawn.remove(.directDescriptors) }
            features = drawn
        }
        self.features = features
        isDirect = features?.contains(.directDescriptors) == true && dice.chance(300)
        sizes = Self.drawSizes(&dice)
        plan = FaultPlan(drawnFrom: &dice)
        length = dice.within(5_000...6_500)
        acceptsAll = dice.chance(800)
        networkDelay = dice.pick([1_000...50_000, 1_000...1_000_000, 1_000...20_000_000])
        configuration = Self.drawConfiguration(&dice, workers: workers, clients: clients, isWorld: isWorld)
    }

    private static func drawSizes(_ dice: inout Dice) -> UringSizes {
        var sizes = UringSizes()
        sizes.submissions = dice.pick([2, 8, 16, 64, 256])
        sizes.completions = max(sizes.submissions, dice.pick([4, 16, 64, 1_024]))
        sizes.buffers = dice.pick([4, 8, 32, 64])
        sizes.bufferSize = dice.pick([4_096, 4_096, 8_192, 65_536])
        return sizes
    }

    private static func drawConfiguration(
        _ dice: inout Dice, workers: Int, clients: Int, isWorld: Bool
    ) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.workers = workers
        configuration.framing = Framing(maximumPacketSize: isWorld ? 16_384 : 8_300)
        if !isWorld { configuration.sessionLayer = .gori(serving: [Hello.served]) }
        configuration.maximumSessions = dice.chance(200) ? max(1, clients / 2) : clients * 2 + 8
        configuration.maximumSessionsPerAddress = dice.pick([0, 0, 2, 64])
        configuration.backlogLimit = dice.pick([8_192, 65_536, 262_144])
        // A world sends little at a time.
        configuration.backlogHighWater =
            isWorld ? dice.pick([64, 512]) : configuration.backlogLimit / dice.pick([2, 4])
        configuration.memoryLimit = dice.chance(150) ? 65_536 * workers : 0
        configuration.helloTimeout = dice.pick([1_000, 5_000])
        configuration.heartbeat = dice.pick([2_000, 10_000])
        configuration.packetTimeout = dice.pick([3_000, 10_000])
        configuration.closeTimeout = dice.pick([500, 2_000])
        configuration.drainTimeout = dice.pick([1_000, 5_000])
        configuration.slowPartTimeout = dice.pick([1_000, 5_000])
        configuration.maximumSlowParts = dice.pick([1, 4, 1_024])
        configuration.mailboxCapacity = dice.pick([2, 4, 64])
        configuration.flushSlice = dice.pick([2, 3, 8, 256])
        return configuration
    }
}
