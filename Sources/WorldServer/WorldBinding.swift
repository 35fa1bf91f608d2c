// SPDX-License-Identifier: Apache-2.0

public import Gori
internal import Wire
public import World

/// Binds the world to the engine and to storage: packets of sessions become commands of a region, frames become output
/// of sessions and positions that are saved.
///
/// The map is shared out among as many regions as there are workers, or as it is large enough for; sessions live on all
/// workers. Between the workers go the three messages of a tick (`TickWorker`), and a request to end a session that is
/// replaced.
public enum WorldBinding {
    /// Makes a server that plays `world` when it is run.
    ///
    /// - Parameters:
    ///   - base: addresses and limits; session layer and framing are set here.
    ///   - world: the rules.
    ///   - accounts: who may play, and where characters are; closed by the caller when the server has ended.
    ///   - status: where the ticks are counted; made for as many workers as `base` says, or nil.
    ///   - recorder: writes the log of the run; made for the same workers.
    public static func make(
        _ base: ServerConfiguration, world: WorldConfiguration, accounts: AccountService, status: TickStatus? = nil,
        recorder: Recorder? = nil
    ) -> Server<WorldWorker> {
        var configuration = base
        configuration.sessionLayer = .gori(serving: [
            SessionLayer.ProtocolVersion(version: WorldProtocol.version, fingerprint: WorldProtocol.fingerprint)
        ])
        // A region waits for the commands of every worker in every tick: without one of them the world stands still.
        configuration.whenWorkerDies = .stop
        let status = status ?? TickStatus(workerCount: configuration.workers)
        precondition(status.workerCount == configuration.workers, "counts of other workers")
        let map = RegionMap(world, regions: configuration.workers)
        let claims = CharacterClaims()
        let server = Server(configuration) { [configuration] index in
            let keeper = PlayerKeeper(worker: index, accounts: accounts, claims: claims)
            return WorldWorker(
                TickExchange(
                    index: index, map: map, world: world, server: configuration, keeper: keeper, status: status,
                    recorder: recorder), keeper)
        }
        Lobby(accounts, claims, world).open(server)
        addWorld(server)
        addTicks(server)
        addStorage(server, accounts)
        return server
    }

    private static func addWorld(_ server: Server<WorldWorker>) {
        server.on(Move.self, in: .inWorld) { move, session, worker in
            worker.exchange.move(session.id.rawValue, move)
        }
        server.on(Chat.self, in: .inWorld) { chat, session, worker in
            worker.exchange.chat(session.id.rawValue, chat)
        }
        server.onClose { id, _, worker in
            worker.characters[id] = nil
            worker.exchange.leave(id.rawValue, request: nil)
            worker.keeper.close(id.rawValue)
        }
    }

    private static func addTicks(_ server: Server<WorldWorker>) {
        server.onTurn { context, worker in worker.exchange.turn(context) }
        server.onMessage { tag, batch, from, context, worker in
            worker.exchange.receive(tag, batch, from: from, context)
        }
    }

    private static func addStorage(_ server: Server<WorldWorker>, _ accounts: AccountService) {
        server.every(milliseconds: AccountService.handOnInterval) { _, worker in worker.keeper.handOn() }
        server.every(milliseconds: AccountService.writeInterval) { context, _ in
            // One write an interval, whatever the number of workers.
            if context.index == 0 { accounts.flush() }
        }
    }
}

/// What a worker keeps for the world.
public struct WorldWorker: ~Copyable {
    var exchange: TickExchange
    let keeper: PlayerKeeper
    /// What sessions in the lobby may select.
    var characters: [SessionID: LoginResult.Character] = [:]

    init(_ exchange: consuming TickExchange, _ keeper: PlayerKeeper) {
        self.exchange = exchange
        self.keeper = keeper
    }
}
