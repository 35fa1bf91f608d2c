// SPDX-License-Identifier: Apache-2.0

internal import Load

/// `storm`: how long those wait who were there before, without the wave and during it.
///
/// A move counts by its intended time, as all delays do. During: from the time at which the first of the wave was due
/// until the last of it is in the world or known not to get there, a whole second at least, so that every one of the
/// settled moves in it.
struct WaveRecord {
    private static let shortest: UInt32 = 1_000
    /// Connections below this are the settled.
    let settled: Int
    let start: UInt32
    let calmMilliseconds: UInt32
    private(set) var end = UInt32.max
    private(set) var before = DelayDistribution()
    private(set) var during = DelayDistribution()

    init(_ configuration: BotsConfiguration) {
        settled = configuration.load.settled
        start = configuration.load.waveStart
        calmMilliseconds = configuration.calmMilliseconds
    }

    /// Everybody has come or will not.
    mutating func finish(at elapsed: UInt32) { end = max(elapsed, start &+ Self.shortest) }

    mutating func record(_ connection: Int, intended: UInt64, delay: UInt64) {
        guard connection < settled, intended < UInt64(end) else { return }
        if intended >= UInt64(start) {
            during.record(microseconds: delay)
        } else if intended >= UInt64(start &- calmMilliseconds) {
            before.record(microseconds: delay)
        }
    }

    /// Below a tick nobody can tell one delay from another: the world answers once a tick.
    func judge(_ record: inout BotsRecord) {
        guard settled > 0 else { return }
        let (calm, busy) = (before.percentile(50), during.percentile(50))
        let limit = max(calm &* 2, UInt64(record.tick) &* 1_000)
        record.checks.setCount(.settledUndisturbed, before.count &+ during.count)
        guard before.count == 0 || during.count == 0 || busy > limit else { return }
        record.checks.fail(
            .settledUndisturbed, bot: 1, packet: "moveResult",
            "p50 \(Decimal3(microseconds: busy)) ms of \(during.count) moves during the wave,"
                + " \(Decimal3(microseconds: calm)) ms of \(before.count) before")
    }
}
