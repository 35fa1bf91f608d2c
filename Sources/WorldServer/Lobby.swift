// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import Synchronization
internal import Wire
internal import World

/// The way into the world and out of it: log in, select a character, log out.
final class Lobby: Sendable {
    private let accounts: AccountService
    private let claims: CharacterClaims
    private let world: WorldConfiguration
    private let objects = Atomic<UInt32>(0)

    init(_ accounts: AccountService, _ claims: CharacterClaims, _ world: WorldConfiguration) {
        self.accounts = accounts
        self.claims = claims
        self.world = world
    }

    /// The number of an object that comes into the world; none is given out twice.
    private func nextObject() -> UInt32 { objects.add(1, ordering: .relaxed).newValue }

    /// Registers the handlers.
    func open(_ server: Server<WorldWorker>) {
        let accounts = accounts
        server.on(
            Login.self, in: .lobby,
            async: { login, _ in await accounts.login(login) },
            busy: { login, session, _ in
                session.send(LoginResult(request: login.request, code: 2, text: "too many logins at once, try again"))
            },
            then: { outcome, session, worker in
                worker.characters[session.id] = outcome.characters.first
                session.send(outcome)
            })
        server.on(SelectCharacter.self, in: .lobby) { select, session, worker in
            self.select(select, session, worker)
        }
        server.on(Logout.self) { logout, session, worker in
            guard session.stage == .inWorld else {
                session.send(RequestResult(request: logout.request, code: .ok))
                return session.end(.leaving)
            }
            worker.exchange.leave(session.id.rawValue, request: logout.request)
        }
    }

    /// What came of the slow part of a selection.
    private enum Entrance {
        case tile(Tile?)
        /// Somebody else has the character now.
        case replaced
        /// The database does not answer.
        case unavailable
    }

    /// Claims the character, waits until whoever has it has left, and asks where it is; then it enters.
    private func select(_ select: SelectCharacter, _ session: Session, _ worker: borrowing WorldWorker) {
        let id = session.id
        guard let character = worker.characters[id], character.id == select.character else {
            return refuse(select, .noSuchCharacter, session)
        }
        switch claims.claim(select.character, by: id) {
        case .granted: break
        case .waits(let owner): session.worker.end(owner, .replaced)
        case .refused: return refuse(select, .alreadyInWorld, session)
        }
        let (accounts, claims) = (accounts, claims)
        let hasStarted = session.start(
            with: WorldWorker.self,
            async: { () -> Entrance in
                guard await claims.wait(id) else { return .replaced }
                do { return .tile(try await accounts.tile(of: select.character)) } catch { return .unavailable }
            },
            then: { entrance, session, worker in
                switch entrance {
                case .tile(let tile): self.enter(select, character.name, at: tile, session, &worker)
                case .replaced: session.end(.replaced)
                case .unavailable:
                    claims.release(session.id)
                    self.refuse(select, .unavailable, session)
                }
            })
        guard !hasStarted else { return }
        claims.release(id)
        refuse(select, .unavailable, session)
    }

    private func enter(
        _ select: SelectCharacter, _ name: Name, at tile: Tile?, _ session: Session, _ worker: inout WorldWorker
    ) {
        worker.characters[session.id] = nil
        session.enter(.inWorld)
        worker.exchange.enter(
            session.id.rawValue, request: select.request, object: nextObject(), character: select.character,
            name: name, at: tile)
    }

    private func refuse(_ select: SelectCharacter, _ code: EnterCode, _ session: Session) {
        session.send(EnterWorld(request: select.request, code: code, object: 0, x: 0, y: 0, configuration: world))
    }
}
