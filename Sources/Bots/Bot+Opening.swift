// SPDX-License-Identifier: Apache-2.0

internal import Wire
internal import World

/// How a session opens and ends, seen from the bot.
extension Bot {
    mutating func receiveSeldom(
        _ type: PacketType, _ body: RawSpan, _ record: inout BotsRecord
    ) throws(DecodeError) -> BotReply {
        switch type {
        case Welcome.type:
            _ = try Welcome.decode(body)
            guard expect(.greeting, "welcome", &record) else { return .none }
            stage = .loggingIn
            return .login
        case LoginResult.type: return loggedIn(try LoginResult.decode(body), &record)
        case EnterWorld.type: return entered(try EnterWorld.decode(body), &record)
        case RequestResult.type: return finished(try RequestResult.decode(body), &record)
        case Goodbye.type: return dismissed(try Goodbye.decode(body), &record)
        case Pong.type:
            _ = try Pong.decode(body)
            record.checks.fail(.packetState, bot: number, packet: "pong", "no ping was sent")
        default:
            record.checks.fail(
                .packetTypes, bot: number, packet: "unknown", "type \(type) with a body of \(body.byteCount) bytes")
        }
        return .none
    }

    private func expect(_ wanted: Stage, _ packet: StaticString, _ record: inout BotsRecord) -> Bool {
        record.checks.expect(.packetState, stage == wanted, bot: number, packet: packet, "it came while \(stage)")
        return stage == wanted
    }

    private mutating func loggedIn(_ result: LoginResult, _ record: inout BotsRecord) -> BotReply {
        guard expect(.loggingIn, "loginResult", &record) else { return .none }
        guard result.code == 0, result.request == Request.login, let character = result.characters.first else {
            record.checks.fail(
                .sessionsOpen, bot: number, packet: "loginResult",
                "code \(result.code) '\(result.text)', request \(result.request), \(result.characters.count) characters"
            )
            return .leave
        }
        stage = .entering
        return .select(character: character.id)
    }

    private mutating func entered(_ packet: EnterWorld, _ record: inout BotsRecord) -> BotReply {
        guard expect(.entering, "enterWorld", &record) else { return .none }
        let isOK = packet.code == 0 && packet.request == Request.select
        record.checks.expect(
            .sessionsOpen, isOK, bot: number, packet: "enterWorld", "code \(packet.code), request \(packet.request)")
        guard isOK else { return .leave }
        let isSane =
            packet.width > 1 && packet.height > 1 && packet.x < packet.width && packet.y < packet.height
            && packet.view > 0 && packet.tick > 0
        record.checks.expect(
            .enterWorldSane, isSane, bot: number, packet: "enterWorld",
            "(\(packet.x), \(packet.y)) on \(packet.width) × \(packet.height), view \(packet.view), tick \(packet.tick)"
        )
        record.checks.expect(
            .enterWorldSane, record.players.insert(packet.object, x: packet.x, y: packet.y), bot: number,
            packet: "enterWorld", "object \(packet.object) is another bot's too")
        object = packet.object
        (width, height, view) = (packet.width, packet.height, packet.view)
        (x, y) = (packet.x, packet.y)
        (targetX, targetY) = (x, y)
        if record.tick == 0 { record.tick = packet.tick }
        stage = .walking
        return .walk
    }

    private mutating func finished(_ result: RequestResult, _ record: inout BotsRecord) -> BotReply {
        guard expect(.leaving, "result", &record) else { return .none }
        record.checks.expect(
            .logoutAnswered, result.code == 0 && result.request == Request.logout, bot: number, packet: "result",
            "code \(result.code) '\(result.text)', request \(result.request)")
        end(&record)
        return .leave
    }

    /// The server ends the session; the connection's end follows and says nothing new.
    private mutating func dismissed(_ goodbye: Goodbye, _ record: inout BotsRecord) -> BotReply {
        guard stage != .left else { return .none }
        let isDraining = goodbye.reason == .shuttingDown
        if isDraining, record.farewell == nil { record.farewell = goodbye.text }
        let stage = stage
        record.checks.fail(
            .sessionsLast, bot: number, packet: "goodbye", "\(goodbye.reason) '\(goodbye.text)' while \(stage)")
        record.disconnected += 1
        end(&record)
        return isDraining ? .serverLeaves : .leave
    }
}
