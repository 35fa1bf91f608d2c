// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import Storage
import Testing

/// Files that cannot be used are refused with one line, and stay as they are.
@Suite struct RefusalTests {
    private let folder: Folder
    private let path: String

    init() throws {
        folder = try Folder()
        path = folder.file("a.sqlite")
    }

    private func write(_ bytes: Data, to name: String) throws { try bytes.write(to: URL(filePath: folder.file(name))) }

    /// A store of some accounts, closed.
    private func make(accounts: Int = 3) throws {
        let store = try AccountStore(path: path)
        for number in 0..<accounts { _ = try store.characters(ofAccount: "account \(number)") }
        try store.close()
    }

    private func change(_ sql: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    /// Opening throws an error of this kind, twice and the same.
    ///
    /// - Parameter isUntouched: and leaves every file as it is.
    private func refuses(_ kind: StorageError.Kind, _ words: String..., isUntouched: Bool = true) throws {
        let before = try folder.contents()
        for _ in 0..<2 {
            let error = try #require(throws: StorageError.self) { try AccountStore(path: path) }
            #expect(error.kind == kind, "\(error)")
            let line = error.description
            #expect(line.contains(path) && line.contains("; ") && !line.contains("\n"), "\(line)")
            for word in words { #expect(line.contains(word), "\(line)") }
        }
        if isUntouched { #expect(try folder.contents() == before) }
    }

    @Test("a file whose schema a later version has changed")
    func newer() throws {
        try make()
        try change("INSERT INTO grdb_migrations VALUES ('9999 everything is different'); DROP TABLE character")
        try refuses(.newer, "9999 everything is different", "run that version")
    }

    @Test("a later version's file as a crash has left it, of which nothing is lost")
    func newerAfterCrash() throws {
        try make()
        let other = try Folder()
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA journal_mode = WAL; INSERT INTO grdb_migrations VALUES ('9999 later')")
        }
        for (name, bytes) in try folder.contents() { try bytes.write(to: URL(filePath: other.file(name))) }
        try queue.close()
        let contents = try other.contents().filter { $0.key != "a.sqlite-shm" }
        #expect((contents["a.sqlite-wal"]?.count ?? 0) > 0)
        for name in try folder.contents().keys { try FileManager.default.removeItem(atPath: folder.file(name)) }
        for (name, bytes) in contents { try write(bytes, to: name) }
        // What stands in the log goes to where it belongs, and nothing else happens.
        try refuses(.newer, "9999 later", isUntouched: false)
        let after = try DatabaseQueue(path: path)
        try after.read { db in
            let names = try String.fetchAll(db, sql: "SELECT identifier FROM grdb_migrations ORDER BY identifier")
            #expect(names == ["0001 accounts and characters", "9999 later"])
            #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM account") == 3)
        }
    }

    @Test("a database of another program")
    func foreign() throws {
        try change("CREATE TABLE bookmark (url TEXT); INSERT INTO bookmark VALUES ('x')")
        try refuses(.foreign, "another program")
    }

    @Test("something that is no database", arguments: [20, 5_000])
    func noDatabase(size: Int) throws {
        try write(Data(repeating: 0x61, count: size), to: "a.sqlite")
        try refuses(.foreign, "no SQLite database")
    }

    @Test("a damaged file", arguments: [1, 2, 3])
    func corrupt(page: Int) throws {
        try make(accounts: 500)
        var bytes = try #require(try folder.contents()["a.sqlite"])
        let start = page * 4_096
        #expect(bytes.count > start + 4_096)
        bytes.replaceSubrange(start..<start + 4_096, with: Data(repeating: 0x5A, count: 4_096))
        try write(bytes, to: "a.sqlite")
        try refuses(.corrupt, "damaged", "backup")
    }

    @Test("a file that was cut short")
    func short() throws {
        try make(accounts: 500)
        let bytes = try #require(try folder.contents()["a.sqlite"])
        try write(bytes.prefix(3 * 4_096), to: "a.sqlite")
        try refuses(.corrupt, "damaged", "backup")
    }

    @Test("a file that another store has open")
    func locked() throws {
        let store = try AccountStore(path: path)
        let ann = try #require(try store.characters(ofAccount: "ann").first)
        try refuses(.locked, "another process")
        try store.save([StoredPosition(character: ann.id, x: 1, y: 1)])
        try store.close()
        let next = try AccountStore(path: path)
        #expect(try next.characters(ofAccount: "ann") == [ann])
    }

    @Test("a folder that cannot be made, and one in the place of the file")
    func unreachable() throws {
        for path in [folder.file("none/none/a.sqlite"), folder.path, "/dev/null"] {
            let error = try #require(throws: StorageError.self) { try AccountStore(path: path) }
            #expect(error.kind == .unreachable, "\(error)")
            #expect(error.description.contains(path))
        }
    }

    @Test("an empty file is a database to be made")
    func empty() throws {
        try write(Data(), to: "a.sqlite")
        let store = try AccountStore(path: path)
        #expect(try store.characters(ofAccount: "ann").count == 1)
    }
}
