// SPDX-License-Identifier: Apache-2.0

internal import Wire
internal import World

/// What happens in the world, seen from the bot. Its own object is not its business in shared packets.
extension Bot {
    mutating func moveAnswered(_ result: MoveResult, now: UInt64, _ record: inout BotsRecord) -> BotReply {
        guard isInWorld("moveResult", &record) else { return .none }
        let isNext = result.sequence == answered && pending.count > 0
        let isRight = isNext && result.clientTime == clientTime(of: answered)
        record.checks.expect(
            .movesAnswered, isRight, bot: number, packet: "moveResult",
            "sequence \(result.sequence), time \(result.clientTime); expected \(answered), "
                + "\(clientTime(of: answered)), of \(pending.count) moves under way")
        if !isNext { skip(to: result.sequence, &record) }
        guard result.sequence == answered, let target = pending.takeFirst() else { return .none }
        let delay = now &- min(now, clientTime(of: answered))
        answered &+= 1
        checkPosition(of: result, target: target, &record)
        (x, y) = (result.x, result.y)
        // Moves under way start from where this one was to end; only after them is the server's word the start.
        if pending.count == 0 { (targetX, targetY) = (x, y) }
        return .moved(delay: delay)
    }

    /// An answer that skips some: those are lost. One that answers nothing of ours is ignored.
    private mutating func skip(to sequence: UInt32, _ record: inout BotsRecord) {
        guard sequence > answered, sequence &- answered < pending.count else { return }
        while answered < sequence, pending.takeFirst() != nil {
            answered &+= 1
            record.lost &+= 1
        }
    }

    private mutating func checkPosition(
        of result: MoveResult, target: (x: UInt16, y: UInt16), _ record: inout BotsRecord
    ) {
        let isAccepted = result.code == MoveCode.ok.rawValue
        // The way to a gathering is in no rhythm that a server would have to keep: it may find a step too soon.
        let isEarly = stage == .gathering && result.code == MoveCode.tooSoon.rawValue
        record.checks.expect(
            .movesAccepted, isAccepted || isEarly, bot: number, packet: "moveResult",
            "\(Self.name(ofCode: result.code)) for (\(target.x), \(target.y)) from (\(x), \(y))")
        let expected = isAccepted ? target : (x: x, y: y)
        record.checks.expect(
            .movePositions, result.x == expected.x && result.y == expected.y, bot: number, packet: "moveResult",
            "(\(result.x), \(result.y)) and not (\(expected.x), \(expected.y))")
        checkOnMap(result.x, result.y, "moveResult", &record)
    }

    private static func name(ofCode code: UInt8) -> String {
        MoveCode(rawValue: code).map { "\($0)" } ?? "code \(code)"
    }

    @inline(__always)
    private func checkOnMap(_ x: UInt16, _ y: UInt16, _ packet: StaticString, _ record: inout BotsRecord) {
        record.checks.expect(
            .positionsOnMap, x < width && y < height, bot: number, packet: packet,
            "(\(x), \(y)) on \(width) × \(height)")
    }

    mutating func objectAdded(_ packet: AddObject, _ record: inout BotsRecord) {
        guard isInWorld("addObject", &record), packet.object != object else { return }
        checkOnMap(packet.x, packet.y, "addObject", &record)
        let isNew = known.insert(packet.object, x: packet.x, y: packet.y)
        record.checks.expect(
            .objectsAddedOnce, isNew, bot: number, packet: "addObject", "object \(packet.object) is known already")
    }

    mutating func objectMoved(_ packet: MoveObject, _ record: inout BotsRecord) {
        guard isInWorld("moveObject", &record), packet.object != object else { return }
        checkOnMap(packet.x, packet.y, "moveObject", &record)
        let old = known.move(packet.object, x: packet.x, y: packet.y)
        record.checks.expect(
            .moversKnown, old != nil, bot: number, packet: "moveObject", "object \(packet.object) is unknown")
        guard let old else { return }
        let distance = max(abs(Int(old.x) - Int(packet.x)), abs(Int(old.y) - Int(packet.y)))
        record.checks.expect(
            .oneTileSteps, distance <= 1, bot: number, packet: "moveObject",
            "object \(packet.object) from (\(old.x), \(old.y)) to (\(packet.x), \(packet.y))")
    }

    mutating func objectRemoved(_ packet: RemoveObject, _ record: inout BotsRecord) {
        guard isInWorld("removeObject", &record), packet.object != object else { return }
        let wasKnown = known.remove(packet.object)
        record.checks.expect(
            .objectsRemovedOnce, wasKnown, bot: number, packet: "removeObject", "object \(packet.object) is unknown")
    }

    mutating func objectSpoke(_ packet: ChatMessage, _ record: inout BotsRecord) {
        guard isInWorld("chatMessage", &record), packet.object != object else { return }
        record.checks.expect(
            .speakersKnown, known.contains(packet.object), bot: number, packet: "chatMessage",
            "object \(packet.object) is unknown")
    }
}
