// SPDX-License-Identifier: Apache-2.0

public import Gori
internal import Wire
public import World

/// Binds the world to the engine: packets of sessions become commands of a region, frames become output of sessions.
///
/// The map is shared out among as many regions as there are workers, or as it is large enough for; sessions live on all
/// workers. Between the workers go the three messages of a tick (`TickWorker`) and nothing else.
public enum WorldBinding {
    /// Makes a server that plays `world` when it is run.
    ///
    /// - Parameters:
    ///   - base: addresses and limits; session layer and framing are set here.
    ///   - world: the rules.
    ///   - status: where the ticks are counted; made for as many workers as `base` says.
    ///   - recorder: writes the log of the run; made for the same workers.
    public static func make(
        _ base: ServerConfiguration, world: WorldConfiguration, status: TickStatus, recorder: Recorder? = nil
    ) -> Server<WorldWorker> {
        var configuration = base
        configuration.sessionLayer = .gori(serving: [
            SessionLayer.ProtocolVersion(version: WorldProtocol.version, fingerprint: WorldProtocol.fingerprint)
        ])
        // A region waits for the commands of every worker in every tick: without one of them the world stands still.
        configuration.whenWorkerDies = .stop
        precondition(status.workerCount == configuration.workers, "counts of other workers")
        let map = RegionMap(world, regions: configuration.workers)
        let capacity = configuration.maximumSessions
        let directory = AccountDirectory()
        let server = Server(configuration) { index in
            WorldWorker(
                TickExchange(
                    index: index, map: map, world: world, capacity: capacity, status: status, recorder: recorder))
        }
        addLobby(server, directory, world)
        addWorld(server)
        addTicks(server)
        return server
    }

    private static func addLobby(
        _ server: Server<WorldWorker>, _ directory: AccountDirectory, _ world: WorldConfiguration
    ) {
        server.on(
            Login.self, in: .lobby,
            async: { login, _ in await directory.login(login) },
            busy: { login, session, _ in
                session.send(LoginResult(request: login.request, code: 2, text: "too many logins at once, try again"))
            },
            then: { outcome, session, _ in
                if let character = outcome.characters.first { session.tag = character.id }
                session.send(outcome)
            })
        server.on(SelectCharacter.self, in: .lobby) { select, session, worker in
            guard session.tag != 0, session.tag == select.character,
                let name = directory.name(of: select.character)
            else {
                session.send(
                    EnterWorld(
                        request: select.request, code: .noSuchCharacter, object: 0, x: 0, y: 0, configuration: world))
                return
            }
            session.enter(.inWorld)
            worker.exchange.enter(
                session.id.rawValue, request: select.request, object: directory.nextObject(),
                character: select.character, name: name)
        }
        server.on(Logout.self) { logout, session, worker in
            guard session.stage == .inWorld else {
                session.send(RequestResult(request: logout.request, code: .ok))
                return session.end(.leaving)
            }
            worker.exchange.leave(session.id.rawValue, request: logout.request)
        }
    }

    private static func addWorld(_ server: Server<WorldWorker>) {
        server.on(Move.self, in: .inWorld) { move, session, worker in
            worker.exchange.move(session.id.rawValue, move)
        }
        server.on(Chat.self, in: .inWorld) { chat, session, worker in
            worker.exchange.chat(session.id.rawValue, chat)
        }
        server.onClose { id, _, worker in worker.exchange.leave(id.rawValue, request: nil) }
    }

    private static func addTicks(_ server: Server<WorldWorker>) {
        server.onTurn { context, worker in worker.exchange.turn(context) }
        server.onMessage { tag, batch, from, context, worker in
            worker.exchange.receive(tag, batch, from: from, context)
        }
    }
}

/// What a worker keeps for the world.
public struct WorldWorker: ~Copyable {
    var exchange: TickExchange

    init(_ exchange: consuming TickExchange) { self.exchange = exchange }
}
