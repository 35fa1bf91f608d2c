// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// The tables, as numbered migrations: forward only, each in a transaction of its own, never changed once released.
enum Schema {
    /// `PRAGMA application_id`, by which a file is known as ours: "Gori".
    static let application: Int = 0x476F_7269

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("0001 accounts and characters") { db in
            try db.execute(
                sql: """
                    PRAGMA application_id = \(application);
                    CREATE TABLE account (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        name TEXT NOT NULL UNIQUE
                    ) STRICT;
                    CREATE TABLE character (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        account INTEGER NOT NULL REFERENCES account (id),
                        name TEXT NOT NULL UNIQUE,
                        x INTEGER CHECK (x BETWEEN 0 AND 65535),
                        y INTEGER CHECK (y BETWEEN 0 AND 65535),
                        CHECK ((x IS NULL) = (y IS NULL))
                    ) STRICT;
                    CREATE INDEX characterOfAccount ON character (account);
                    """)
        }
        return migrator
    }

    /// Throws unless the database is empty or ours, and no newer than this program. Changes nothing.
    static func check(_ db: Database, path: String) throws {
        guard try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0 > 0 else { return }
        guard try Int.fetchOne(db, sql: "PRAGMA application_id") == application else {
            throw StorageError(.foreign, path, "it belongs to another program", remedy: StorageError.another)
        }
        let unknown = try migrator.appliedIdentifiers(db).subtracting(migrator.migrations)
        guard let newest = unknown.max() else { return }
        throw StorageError(
            .newer, path, "a later version has changed it ('\(newest)')",
            remedy: "run that version, or name another file")
    }
}
