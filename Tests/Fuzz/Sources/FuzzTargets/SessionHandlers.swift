// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import Wire

/// The server of the fuzzed sessions: every kind of handler and hook once.
enum SessionHandlers {
    static func server(_ model: SessionModel) -> Server<SessionModel> {
        let server = Server<SessionModel>(model.mode.configuration) { _ in model }
        server.onOpen { session, model in model.opened(session) }
        server.onClose { id, reason, model in model.ended(id, reason) }
        server.onTimer { session, model in
            guard let stream = model.network.find(session: session.id.rawValue) else { return }
            promise(stream.endCount == 0, "no timer after the end")
            model.reply(Echo(body: [1]), session, stream)
        }
        server.onMessage { tag, batch, from, _, model in model.got(tag: tag, batch, from: from) }
        server.every(milliseconds: 500) { _, _ in }
        server.onTurn { worker, _ in if worker.turn % 16 == 0 { worker.wake(at: worker.now + 1_000_000) } }
        if model.mode.takesBytes {
            server.onBytes { bytes, session, model in
                let body = bytes.withUnsafeBytes { Array($0) }
                model.saw(bytes: body, session.id)
                session.send(raw: bytes)
            }
        } else if model.mode.takesAnyPacket {
            server.onAnyPacket(takeAny)
        } else {
            addWords(server)
            addRequests(server)
            addSlow(server, model)
        }
        return server
    }

    /// Every other packet comes back, so that what is sent without a copy lies in many places.
    private static func takeAny(_ packet: RawSpan, _ session: Session, _ model: inout SessionModel) {
        let bytes = packet.withUnsafeBytes { Array($0) }
        let header = model.packets.headerBytes
        guard case .packet(_, let type) = model.packets.head(bytes, at: 0),
            let stream = model.saw(type, Array(bytes[header...]), session.id)
        else { return }
        guard type & 1 == 0 else { return }
        session.send(raw: packet)
        stream.replies.append(bytes)
    }

    private static func addWords(_ server: Server<SessionModel>) {
        server.on(Echo.self) { echo, session, model in
            guard let stream = model.saw(16, echo.body, session.id) else { return }
            model.reply(echo, session, stream)
        }
        server.on(LobbyWord.self, in: .lobby) { word, session, model in
            _ = model.saw(17, word.body, session.id)
            promise(session.stage == .lobby, "only where it is legal")
        }
        server.on(WorldWord.self, in: .inWorld) { word, session, model in
            _ = model.saw(19, word.body, session.id)
            promise(session.stage == .inWorld, "only where it is legal")
        }
        server.on(EnterStage.self) { packet, session, model in
            _ = model.saw(18, packet.body, session.id)
            session.enter(SessionStage(rawValue: packet.body[0] & 7))
        }
    }

    private static func addRequests(_ server: Server<SessionModel>) {
        server.on(Burst.self) { packet, session, model in
            guard let stream = model.saw(20, packet.body, session.id) else { return }
            model.burst(packet.body, session, stream)
        }
        server.on(EndMe.self) { packet, session, model in
            _ = model.saw(21, packet.body, session.id)
            session.end(EndReason(rawValue: packet.body[0]))
        }
        server.on(RingMe.self) { packet, session, model in
            _ = model.saw(22, packet.body, session.id)
            session.setTimer(milliseconds: Int(packet.body[0]) * 16)
        }
        server.on(Talk.self) { packet, session, model in
            _ = model.saw(24, packet.body, session.id)
            model.talk(packet.body[0], session)
        }
    }

    private static func addSlow(_ server: Server<SessionModel>, _ model: SessionModel) {
        server.on(
            Slow.self,
            async: { packet, _ in
                if packet.body[0] == 1 { throw SessionModel.SlowFailure() }
                if packet.body[0] > 1 { await model.waitAtGate() }
                return packet.body
            },
            then: { body, session, model in
                guard let stream = model.network.find(session: session.id.rawValue) else { return }
                promise(stream.oracle.isSlow && stream.endCount == 0, "a slow part ends once")
                stream.oracle.isSlow = false
                model.reply(Echo(body: body), session, stream)
            })
    }
}
