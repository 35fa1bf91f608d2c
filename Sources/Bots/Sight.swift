// SPDX-License-Identifier: Apache-2.0

/// Whether bots know exactly those of them who stand in view, when nobody moves any more.
///
/// What a bot knows of others is held against where the server told each of those that it stands. Objects that are no
/// bots are left out: nobody here knows the truth about them.
enum Sight {
    /// Pairs that are looked at, at most; of more bots only some look, evenly chosen, and each at all others.
    private static let pairs = 25_000_000

    static func check(_ bots: UnsafeBufferPointer<Bot>, _ record: inout BotsRecord) {
        let step = max(1, bots.count * bots.count / pairs)
        for observer in stride(from: 0, to: bots.count, by: step) where bots[observer].stage == .standing {
            for other in bots.indices where other != observer {
                check(bots[observer], bots[other], &record)
            }
        }
    }

    private static func check(_ observer: Bot, _ other: Bot, _ record: inout BotsRecord) {
        guard other.object != 0 else { return }
        let known = observer.known.position(of: other.object)
        let isThere = other.stage.isInWorld
        let distance = max(abs(Int(observer.x) - Int(other.x)), abs(Int(observer.y) - Int(other.y)))
        let isInView = isThere && distance <= Int(observer.view / 2)
        let isRight = known.map { isThere && $0 == (other.x, other.y) } ?? !isInView
        record.checks.expect(
            .othersKnown, isRight, bot: observer.number, packet: "none",
            "bot \(other.number) \(isThere ? "stands at (\(other.x), \(other.y))" : "has left") and "
                + (known.map { "is known at (\($0.x), \($0.y))" } ?? "is unknown"))
    }
}
