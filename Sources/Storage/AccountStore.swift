// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// Accounts and characters in a SQLite database: every call blocks, so none is made on a worker's thread.
///
/// One process at a time: the file stays locked for as long as the store is open, and a second store of it is refused.
/// Names are compared byte by byte. May be used from any thread; calls wait for each other.
public final class AccountStore: Sendable {
    /// What errors call it.
    public let path: String
    private let queue: DatabaseQueue

    /// Opens the database in a file, and brings its schema up to date.
    ///
    /// The file is made if it is not there, and its folder too.
    /// - Throws: when it cannot be used; nothing is written to a file that is newer, damaged or another program's.
    public init(path: String) throws(StorageError) {
        self.path = path
        do {
            try DatabaseFile.prepare(path)
            queue = try DatabaseQueue(path: path, configuration: DatabaseFile.configuration())
            try Self.open(queue, path, isFile: true)
        } catch {
            throw StorageError(error, path)
        }
    }

    /// Makes an empty database in memory, gone when the store is.
    public init() throws(StorageError) {
        path = "in memory"
        do {
            queue = try DatabaseQueue()
            try Self.open(queue, path, isFile: false)
        } catch {
            throw StorageError(error, path)
        }
    }

    private static func open(_ queue: DatabaseQueue, _ path: String, isFile: Bool) throws {
        try queue.writeWithoutTransaction { db in
            guard isFile else { return }
            try DatabaseFile.look(db, path)
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
            guard mode == "wal" else {
                throw StorageError(.failed, path, "its file system has no WAL", remedy: StorageError.another)
            }
        }
        try Schema.migrator.migrate(queue)
    }

    /// The characters of an account. An account that is not there is made, with one character of its name.
    public func characters(ofAccount name: String) throws(StorageError) -> [StoredCharacter] {
        try access { db in
            let known = try Self.characters(db, name)
            guard known.isEmpty else { return known }
            try db.inTransaction {
                try db.execute(sql: "INSERT INTO account (name) VALUES (?)", arguments: [name])
                try db.execute(
                    sql: "INSERT INTO character (account, name) VALUES (?, ?)",
                    arguments: [db.lastInsertedRowID, name])
                return .commit
            }
            return try Self.characters(db, name)
        }
    }

    private static func characters(_ db: Database, _ name: String) throws -> [StoredCharacter] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT character.id, character.name FROM account JOIN character ON character.account = account.id
                WHERE account.name = ? ORDER BY character.id
                """)
        return try Row.fetchAll(statement, arguments: [name]).map { row in
            StoredCharacter(id: UInt64(bitPattern: row[0] as Int64), name: row[1])
        }
    }

    /// Where a character was saved last; nil when it never was, or is not there.
    public func position(of character: UInt64) throws(StorageError) -> StoredPosition? {
        try access { db in
            let statement = try db.cachedStatement(sql: "SELECT x, y FROM character WHERE id = ? AND x IS NOT NULL")
            guard let row = try Row.fetchOne(statement, arguments: [Int64(bitPattern: character)]) else { return nil }
            return StoredPosition(character: character, x: row[0], y: row[1])
        }
    }

    /// Saves positions, all or none. A character that is not there is left out.
    public func save(_ positions: [StoredPosition]) throws(StorageError) {
        try access { db in
            try db.inTransaction(.immediate) {
                let statement = try db.cachedStatement(sql: "UPDATE character SET x = ?, y = ? WHERE id = ?")
                for position in positions {
                    try statement.execute(
                        arguments: [Int64(position.x), Int64(position.y), Int64(bitPattern: position.character)])
                }
                return .commit
            }
        }
    }

    /// Lets go of the file. Every later call throws.
    public func close() throws(StorageError) {
        do { try queue.close() } catch { throw StorageError(error, path) }
    }

    private func access<Value>(_ body: (Database) throws -> Value) throws(StorageError) -> Value {
        #if DEBUG || GORI_FAULTS
            StorageFaults.slow()
        #endif
        do { return try queue.writeWithoutTransaction(body) } catch { throw StorageError(error, path) }
    }
}
