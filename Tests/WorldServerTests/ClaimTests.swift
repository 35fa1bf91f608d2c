// SPDX-License-Identifier: Apache-2.0

import Gori
import Synchronization
import Testing

@testable import WorldServer

/// Who has a character, one step at a time.
@Suite struct ClaimTests {
    private let claims = CharacterClaims()
    private let a = SessionID(rawValue: 1)
    private let b = SessionID(rawValue: 1 << 56 | 2)
    private let c = SessionID(rawValue: 3)

    /// What a session was told, once it was.
    private final class Told: Sendable {
        private let value = Mutex<[Bool]>([])
        var all: [Bool] { value.withLock { $0 } }
        func tell(_ isGranted: Bool) { value.withLock { $0.append(isGranted) } }
    }

    private func wait(_ session: SessionID) -> Told {
        let told = Told()
        claims.wait(session) { told.tell($0) }
        return told
    }

    @Test("a character that nobody has is had at once")
    func free() {
        #expect(claims.claim(7, by: a) == .granted)
        #expect(wait(a).all == [true])
        #expect(claims.claim(8, by: b) == .granted)
        #expect(claims.count == 2)
    }

    @Test("who claims what another has waits until that has given it back")
    func takesOver() {
        _ = claims.claim(7, by: a)
        #expect(claims.claim(7, by: b) == .waits(for: a))
        let told = wait(b)
        #expect(told.all.isEmpty)
        claims.release(a)
        #expect(told.all == [true])
        claims.release(a)
        #expect(claims.claim(7, by: c) == .waits(for: b))
    }

    @Test("of two that wait the last gets it, and the first is told that it lost, once")
    func lastWins() {
        _ = claims.claim(7, by: a)
        _ = claims.claim(7, by: b)
        let first = wait(b)
        #expect(claims.claim(7, by: c) == .waits(for: a))
        #expect(first.all == [false])
        let second = wait(c)
        claims.release(b)
        claims.release(a)
        #expect(first.all == [false] && second.all == [true])
    }

    @Test("what came of a claim before somebody waits for it is told when he does")
    func beforeWaiting() {
        _ = claims.claim(7, by: a)
        _ = claims.claim(7, by: b)
        claims.release(a)
        #expect(wait(b).all == [true])
        _ = claims.claim(7, by: a)
        _ = claims.claim(7, by: c)
        #expect(wait(a).all == [false])
    }

    @Test("a session that ends while it waits is out of the way")
    func endsWaiting() {
        _ = claims.claim(7, by: a)
        _ = claims.claim(7, by: b)
        let told = wait(b)
        claims.release(b)
        #expect(told.all == [false])
        claims.release(a)
        #expect(claims.count == 0 && claims.sessionCount == 0)
        #expect(claims.claim(7, by: c) == .granted)
    }

    @Test("a session that ends without ever having waited leaves nothing behind")
    func endsEarly() {
        _ = claims.claim(7, by: a)
        _ = claims.claim(7, by: b)
        claims.release(b)
        claims.release(a)
        claims.release(c)
        #expect(wait(b).all == [false])
        #expect(claims.count == 0 && claims.sessionCount == 0)
    }

    @Test("a session has one character at a time")
    func one() {
        _ = claims.claim(7, by: a)
        #expect(claims.claim(7, by: a) == .refused)
        #expect(claims.claim(8, by: a) == .refused)
        _ = claims.claim(7, by: b)
        #expect(claims.claim(7, by: b) == .refused)
        #expect(claims.count == 1)
    }
}
