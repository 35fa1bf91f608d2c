// SPDX-License-Identifier: Apache-2.0

import Foundation
import Storage
import Testing

/// What is stored, and found again.
@Suite struct AccountStoreTests {
    @Test("an account is made at first login with one character of its name, and found at the next")
    func account() throws {
        let store = try AccountStore()
        let made = try store.characters(ofAccount: "ann")
        #expect(made.map(\.name) == ["ann"])
        #expect(try store.characters(ofAccount: "ann") == made)
        #expect(try store.characters(ofAccount: "bob") != made)
        #expect((made.first?.id ?? 0) > 0)
    }

    @Test("names are told apart byte by byte, and kept as they are")
    func names() throws {
        let store = try AccountStore()
        let names = ["e\u{301}", "\u{E9}", "E", "e", "e ", "'; DROP TABLE account; --", "가", "?1", "a\"b", "%", "1"]
        var ids: Set<UInt64> = []
        for name in names {
            let character = try #require(try store.characters(ofAccount: name).first)
            #expect(Array(character.name.utf8) == Array(name.utf8))
            ids.insert(character.id)
        }
        #expect(ids.count == names.count)
    }

    @Test("a position is the last one saved, and there is none before the first")
    func position() throws {
        let store = try AccountStore()
        let ann = try #require(try store.characters(ofAccount: "ann").first?.id)
        let bob = try #require(try store.characters(ofAccount: "bob").first?.id)
        #expect(try store.position(of: ann) == nil)
        let all = [
            StoredPosition(character: ann, x: 0, y: 65_535), StoredPosition(character: bob, x: 1, y: 2),
            StoredPosition(character: 9_999, x: 3, y: 3), StoredPosition(character: .max, x: 3, y: 3),
        ]
        try store.save(all)
        #expect(try store.position(of: ann) == all[0])
        #expect(try store.position(of: bob) == all[1])
        #expect(try store.position(of: 9_999) == nil)
        #expect(try store.position(of: .max) == nil)
        try store.save([StoredPosition(character: ann, x: 5, y: 6)])
        #expect(try store.position(of: ann) == StoredPosition(character: ann, x: 5, y: 6))
        #expect(try store.position(of: bob) == all[1])
        try store.save([])
    }

    @Test("what a store has saved is there when its file is opened again, in a folder that it made")
    func file() throws {
        let folder = try Folder()
        let path = folder.file("data/gori.sqlite")
        let first = try AccountStore(path: path)
        let ann = try #require(try first.characters(ofAccount: "ann").first)
        try first.save([StoredPosition(character: ann.id, x: 7, y: 8)])
        try first.close()
        let second = try AccountStore(path: path)
        #expect(try second.characters(ofAccount: "ann") == [ann])
        #expect(try second.position(of: ann.id) == StoredPosition(character: ann.id, x: 7, y: 8))
        try second.close()
        #expect(throws: StorageError.self) { try second.position(of: ann.id) }
    }

    @Test("what was committed is there after a crash, of which only the files are left")
    func crash() throws {
        let folder = try Folder()
        let store = try AccountStore(path: folder.file("a.sqlite"))
        let ann = try #require(try store.characters(ofAccount: "ann").first)
        try store.save([StoredPosition(character: ann.id, x: 7, y: 8)])
        let left = try Folder()
        for (name, bytes) in try folder.contents() { try bytes.write(to: URL(filePath: left.file(name))) }
        let next = try AccountStore(path: left.file("a.sqlite"))
        #expect(try next.characters(ofAccount: "ann") == [ann])
        #expect(try next.position(of: ann.id) == StoredPosition(character: ann.id, x: 7, y: 8))
    }

    @Test("threads that use one store wait for each other")
    func threads() async throws {
        let store = try AccountStore()
        try await withThrowingTaskGroup(of: [StoredCharacter].self) { group in
            for number in 0..<200 {
                group.addTask { try store.characters(ofAccount: "account \(number % 20)") }
            }
            var ids: [String: Set<UInt64>] = [:]
            for try await characters in group {
                for character in characters { ids[character.name, default: []].insert(character.id) }
            }
            #expect(ids.count == 20 && ids.values.allSatisfy { $0.count == 1 })
        }
    }
}
