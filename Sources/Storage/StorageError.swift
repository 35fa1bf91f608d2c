// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// Why a database cannot be used, in one line with cause and remedy.
public struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    public enum Kind: Hashable, Sendable {
        /// The file or its folder cannot be made, opened, read or written.
        case unreachable
        /// Another process uses the file.
        case locked
        /// The file is damaged.
        case corrupt
        /// The file is no database, or one of another program.
        case foreign
        /// A later version of this program has changed the schema.
        case newer
        /// The disk is full, or fails.
        case failed
    }

    /// What kind of trouble it is.
    public let kind: Kind
    /// The line.
    public let description: String

    init(_ kind: Kind, _ path: String, _ cause: String, remedy: String) {
        self.kind = kind
        description = "cannot use the database \(path): \(cause); \(remedy)"
    }

    /// What SQLite's code means for somebody who runs a server.
    init(_ error: any Error, _ path: String) {
        guard let error = error as? DatabaseError else {
            self = error as? StorageError ?? StorageError(.failed, path, "\(error)", remedy: Self.another)
            return
        }
        let cause = error.message ?? "\(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(.locked, path, "another process uses it", remedy: "stop that one, or name another file")
        case .SQLITE_NOTADB:
            self.init(.foreign, path, "it is no SQLite database", remedy: Self.another)
        case .SQLITE_CORRUPT:
            self.init(.corrupt, path, "it is damaged (\(cause))", remedy: Self.backup)
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY:
            self.init(.unreachable, path, cause, remedy: "see to it that its folder is there and may be written to")
        case .SQLITE_FULL:
            self.init(.failed, path, "the disk is full", remedy: "make room")
        default:
            self.init(.failed, path, cause, remedy: "look after the disk, or name another file")
        }
    }

    static let another = "name another file"
    static let backup = "put a backup in its place, or name another file"
}
