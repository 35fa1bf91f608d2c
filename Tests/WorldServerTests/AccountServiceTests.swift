// SPDX-License-Identifier: Apache-2.0

import Foundation
import Gori
import Storage
import Synchronization
import Testing
import World

@testable import WorldServer

/// Accounts for workers.
@Suite struct AccountServiceTests {
    private func login(_ name: Name, _ service: AccountService) async -> LoginResult {
        await service.login(Login(request: 5, name: name))
    }

    @Test("a name is an account with one character, whose place is known as soon as it is kept")
    func places() async throws {
        let service = AccountService(try AccountStore())
        let result = await login("ann", service)
        #expect(result.request == 5 && result.code == 0)
        let ann = try #require(result.characters.first)
        #expect(ann.name == "ann")
        #expect(try await service.tile(of: ann.id) == nil)
        service.keep([StoredPosition(character: ann.id, x: 3, y: 4)])
        #expect(try await service.tile(of: ann.id) == Tile(x: 3, y: 4))
        for _ in 0..<100 { service.flush() }
        #expect(try await service.tile(of: ann.id) == Tile(x: 3, y: 4))
        #expect(await login("ann", service).characters == [ann])
        #expect(await login("", service).code == 1)
        try service.close()
    }

    @Test("a service that is closed has saved what was kept, and answers no more")
    func closes() async throws {
        let path = NSTemporaryDirectory() + "/gori-accounts-\(UUID().uuidString).sqlite"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let service = AccountService(try AccountStore(path: path))
        let ann = try #require(await login("ann", service).characters.first)
        service.keep([StoredPosition(character: ann.id, x: 3, y: 4)])
        try service.close()
        #expect(await login("ann", service).code == 3)
        await #expect(throws: BlockingPool.Refusal.stopped) { try await service.tile(of: ann.id + 1) }
        let store = try AccountStore(path: path)
        #expect(try store.position(of: ann.id) == StoredPosition(character: ann.id, x: 3, y: 4))
        try store.close()
    }

    @Test("a database that fails is told once, and positions wait for it")
    func fails() async throws {
        let lines = Lines()
        let store = try AccountStore()
        let service = AccountService(store) { lines.append($0) }
        let ann = try #require(await login("ann", service).characters.first)
        try store.close()
        service.keep([StoredPosition(character: ann.id, x: 3, y: 4)])
        for _ in 0..<3 {
            service.flush()
            #expect(await login("bob", service).code == 3)
        }
        #expect(lines.all.count == 1 && lines.all[0].contains("positions are kept until it works"))
        #expect(try await service.tile(of: ann.id) == Tile(x: 3, y: 4))
        #expect(throws: StorageError.self) { try service.close() }
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func append(_ line: String) { lines.withLock { $0.append(line) } }
    }
}
