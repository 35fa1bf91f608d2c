// SPDX-License-Identifier: Apache-2.0

public import Gori
internal import Platform
public import Storage
internal import World

/// Accounts for workers, which may not wait for a database: queries run on a thread of their own and are awaited in the
/// slow parts of handlers; positions are left here and saved together.
///
/// May be used from any thread. It ends with `close`, which saves what is left.
public final class AccountService: Sendable {
    /// Milliseconds between two writes of positions. With the second in which a worker hands them on, a position is at
    /// most 5 s and one write behind: half of what is promised.
    static let writeInterval = 4_000
    /// Milliseconds after which a worker hands on who has moved.
    static let handOnInterval = 1_000

    private struct State {
        var isWriteQueued = false
        var lastFailure: StorageError.Kind?
    }

    private let store: AccountStore
    private let pool: BlockingPool
    private let buffer = SnapshotBuffer()
    private let state = Lock(State())
    private let log: @Sendable (String) -> Void

    /// Makes the service of a database.
    ///
    /// - Parameters:
    ///   - pool: where its queries run: one thread, since SQLite has one writer, so that they are done in the order in
    ///     which they were asked. Stopped by `close`.
    ///   - log: takes lines, from the storage thread: a write that fails, and the first that does not any more.
    public init(
        _ store: AccountStore, pool: BlockingPool = BlockingPool(name: "gori-storage"),
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.store = store
        self.pool = pool
        self.log = log
    }

    // MARK: Queries

    /// The characters of the account of a name, which is made if there is none.
    ///
    /// Nothing proves who somebody is yet. Names are compared byte by byte.
    func login(_ login: Login) async -> LoginResult {
        guard !login.name.isEmpty else {
            return LoginResult(request: login.request, code: 1, text: "a name has 1 to 20 bytes")
        }
        let (store, name) = (store, login.name.string)
        do {
            let characters = try await pool.run { try store.characters(ofAccount: name) }
            return LoginResult(
                request: login.request,
                characters: characters.compactMap { character in
                    Name(character.name).map { LoginResult.Character(id: character.id, name: $0) }
                })
        } catch BlockingPool.Refusal.busy {
            return LoginResult(request: login.request, code: 2, text: "too many logins at once, try again")
        } catch {
            report(error)
            return LoginResult(request: login.request, code: 3, text: "the database does not answer, try again")
        }
    }

    /// Where a character left the world, as it was kept last.
    ///
    /// - Throws: when the database does not answer.
    func tile(of character: UInt64) async throws -> Tile? {
        if let position = buffer.position(of: character) { return Tile(x: position.x, y: position.y) }
        let (store, buffer) = (store, buffer)
        do {
            let position = try await pool.run {
                try buffer.position(of: character) ?? store.position(of: character)
            }
            return position.map { Tile(x: $0.x, y: $0.y) }
        } catch {
            report(error)
            throw error
        }
    }

    // MARK: Positions

    /// Keeps positions until they are saved; `tile(of:)` knows them at once.
    func keep(_ positions: [StoredPosition]) { buffer.keep(positions) }

    /// Has everything that is kept be saved soon, in one transaction, ahead of queries. However often it is called, one
    /// write waits at a time.
    func flush() {
        let isFirst = state.withLock { state in
            defer { state.isWriteQueued = true }
            return !state.isWriteQueued
        }
        guard isFirst else { return }
        pool.post {
            self.state.withLock { $0.isWriteQueued = false }
            do { try self.write() } catch { self.report(error) }
        }
    }

    private func write() throws(StorageError) {
        let count = try buffer.drain { positions throws(StorageError) in try store.save(positions) }
        guard count > 0 else { return }
        let wasFailing = state.withLock { state in
            defer { state.lastFailure = nil }
            return state.lastFailure != nil
        }
        if wasFailing { log("the database \(store.path) works again: \(count) positions saved") }
    }

    /// One line for each kind of failure until it works again.
    private func report(_ error: any Error) {
        guard let error = error as? StorageError else { return }
        let isNew = state.withLock { state in
            defer { state.lastFailure = error.kind }
            return state.lastFailure != error.kind
        }
        if isNew { log("\(error); positions are kept until it works") }
    }

    /// Saves what is left and lets go of the database. Called when no worker serves any more; later calls throw.
    ///
    /// - Throws: when that fails: positions are lost then.
    public func close() throws(StorageError) {
        pool.stop()
        try write()
        try store.close()
    }
}
