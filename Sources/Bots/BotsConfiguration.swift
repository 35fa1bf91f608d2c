// SPDX-License-Identifier: Apache-2.0

public import Load
public import Overlapped

/// A run of bots.
public struct BotsConfiguration: Sendable {
    /// What is played.
    public let scenario: Scenario
    /// The server, how many bots, and how fast they come.
    public var load: LoadConfiguration
    /// Seconds for which all bots are in the world; the ramp comes on top.
    public var seconds: Int
    /// Decides names, phases and walks.
    public var seed: UInt32
    /// `storm` only: milliseconds for which the settled walk alone, before the wave.
    public let calmMilliseconds: UInt32

    /// What the settled have, after the last of them is due, to enter the world and begin to walk.
    private static let settling: UInt32 = 3_000

    /// Describes a run.
    ///
    /// - Parameters:
    ///   - count: how many bots; with `storm` how many come in the wave.
    ///   - settled: with `storm`, how many are in the world before; nothing else has any.
    ///   - calm: with `storm`, seconds for which they walk alone; nil: as long as the wave is to take, five at least.
    /// - Precondition: `seconds` and `ramp` are at least 1, `count` and `settled` together 1…`CompletionKey.slotLimit`.
    public init(
        scenario: Scenario = .course, address: SocketAddress, count: Int, ramp: Int, seconds: Int, seed: UInt32,
        settled: Int = 0, calm: Int? = nil
    ) {
        precondition(seconds >= 1 && settled >= 0 && count >= 1)
        self.scenario = scenario
        self.seconds = seconds
        self.seed = seed
        let settled = scenario == .storm ? settled : 0
        load = LoadConfiguration(address: address, count: count + settled, ramp: ramp)
        guard scenario == .storm else {
            calmMilliseconds = 0
            return
        }
        calmMilliseconds = UInt32(clamping: calm.map { $0 * 1_000 } ?? max(5_000, count * 1_000 / ramp))
        load.settled = settled
        load.waveStart = load.milliseconds(of: max(settled - 1, 0)) &+ Self.settling &+ calmMilliseconds
    }

    /// How many bots were asked for, those not counted who settle before.
    public var count: Int { load.count - load.settled }
}
