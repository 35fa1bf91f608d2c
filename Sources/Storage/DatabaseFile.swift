// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import GRDB

/// How a database's file is looked at before it is opened, and how it is opened.
enum DatabaseFile {
    /// A file up to this size is read whole and checked when it is opened: 16 MiB take less than 100 ms and hold some
    /// hundred thousand characters. A larger one shows its damage when the damaged page is read.
    static let checkedSize = 16 << 20

    /// Makes the folder if there is none, and refuses what is no file.
    static func prepare(_ path: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        var status = stat()
        if !folder.isEmpty, stat(folder, &status) != 0, mkdir(folder, 0o777) != 0 {
            throw StorageError(
                .unreachable, path, "its folder cannot be made: \(String(cString: strerror(errno)))",
                remedy: "make \(folder), or name another file")
        }
        guard stat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(.unreachable, path, "it is no file", remedy: StorageError.another)
        }
    }

    /// Refuses a database that this program must not write to. Only reads; what a crash has left in the log becomes
    /// part of the file all the same when it is closed, as whenever SQLite opens one.
    static func look(_ db: Database, _ path: String) throws {
        try Schema.check(db, path: path)
        let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        let pageSize = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        guard pages * pageSize <= checkedSize else { return }
        let verdict = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "no answer"
        guard verdict == "ok" else {
            let first = verdict.split(separator: "\n").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? verdict
            throw StorageError(.corrupt, path, "it is damaged (\(first))", remedy: StorageError.backup)
        }
    }

    /// Exclusive locking keeps other processes out until the file is closed, also one that is killed; without it two
    /// servers would serve one character. It also spares the file of shared memory that WAL needs otherwise.
    static func configuration() -> Configuration {
        var configuration = Configuration()
        // Whoever restarts a server at once meets the last moments of the one before.
        configuration.busyMode = .timeout(1)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            // A commit is on disk at the next checkpoint, not at once: see docs/decisions/0009.
            try db.execute(sql: "PRAGMA synchronous = NORMAL")
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
        }
        return configuration
    }
}
