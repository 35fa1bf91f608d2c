// SPDX-License-Identifier: Apache-2.0

internal import Platform
internal import Synchronization
internal import World

/// Accounts by name, in memory: made at first login, with one character of the same name. Used by all workers, when
/// somebody logs in or enters the world and never in between.
///
/// In this version names are compared byte by byte and nothing proves who somebody is; a second login of a name plays
/// beside the first.
final class AccountDirectory: Sendable {
    private struct State {
        var characters: [Name: UInt64] = [:]
        var names: [Name] = []
    }

    private let state = Lock(State())
    private let objects = Atomic<UInt32>(0)

    /// The account of a name.
    ///
    /// Asynchronous, because looking an account up will be a query.
    func login(_ login: Login) async -> LoginResult {
        guard !login.name.isEmpty else {
            return LoginResult(request: login.request, code: 1, text: "a name has 1 to 20 bytes")
        }
        let character = state.withLock { state in
            if let known = state.characters[login.name] { return known }
            state.names.append(login.name)
            let made = UInt64(state.names.count)
            state.characters[login.name] = made
            return made
        }
        return LoginResult(
            request: login.request, characters: [LoginResult.Character(id: character, name: login.name)])
    }

    /// The name of a character.
    func name(of character: UInt64) -> Name? {
        state.withLock { state in
            guard character > 0, character <= UInt64(state.names.count) else { return nil }
            return state.names[Int(character) - 1]
        }
    }

    /// The number of an object that comes into the world; none is given out twice.
    func nextObject() -> UInt32 { objects.add(1, ordering: .relaxed).newValue }
}
