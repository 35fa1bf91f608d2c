// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import Platform

/// Which session has which character: one at a time, on any worker.
///
/// A session claims a character before it brings it into the world, and the claim is given back when the character has
/// left: when the frame of that tick has come. So whoever gets it next enters in a later tick, and the world never has
/// two of one character, whichever workers the sessions live on and however their packets and ends interleave.
///
/// A claim on a character that another session has takes it over: that session is to be ended, and the claim comes when
/// it has gone. Of several that wait the last wins, and the others are replaced themselves, so that whoever came last
/// plays. Used when somebody enters or leaves and never in between; from any thread.
final class CharacterClaims: Sendable {
    /// What came of a claim.
    enum Claim: Equatable {
        /// The session has it.
        case granted
        /// The session gets it when this one, which is to be ended, has left.
        case waits(for: SessionID)
        /// The session has, or waits for, a character already.
        case refused
    }

    private struct Waiter {
        let session: SessionID
        /// Set once the session waits; until then nobody has to be told.
        var resume: (@Sendable (_ isGranted: Bool) -> Void)?
    }

    private struct Holding {
        let owner: SessionID
        var waiter: Waiter?
    }

    private struct State {
        var holdings: [UInt64: Holding] = [:]
        /// The character that a session has or waits for.
        var characters: [SessionID: UInt64] = [:]
    }

    private let state = Lock(State())

    /// How many characters somebody has.
    var count: Int { state.withLock { $0.holdings.count } }

    /// How many sessions have a character or wait for one.
    var sessionCount: Int { state.withLock { $0.characters.count } }

    /// A session wants a character. Called on its worker, before its end can have been seen there.
    func claim(_ character: UInt64, by session: SessionID) -> Claim {
        let (claim, replaced): (Claim, Waiter?) = state.withLock { state in
            guard state.characters[session] == nil else { return (.refused, nil) }
            state.characters[session] = character
            guard var holding = state.holdings[character] else {
                state.holdings[character] = Holding(owner: session)
                return (.granted, nil)
            }
            let replaced = holding.waiter
            if let replaced { state.characters[replaced.session] = nil }
            holding.waiter = Waiter(session: session)
            state.holdings[character] = holding
            return (.waits(for: holding.owner), replaced)
        }
        replaced?.resume?(false)
        return claim
    }

    /// Calls `resume` once, now or later and on any thread, when it is known what came of a session's claim: true when
    /// it has the character, false when another came later or the session has ended.
    func wait(_ session: SessionID, _ resume: @escaping @Sendable (_ isGranted: Bool) -> Void) {
        let known: Bool? = state.withLock { state in
            guard let character = state.characters[session], var holding = state.holdings[character] else {
                return false
            }
            guard holding.owner != session else { return true }
            holding.waiter?.resume = resume
            state.holdings[character] = holding
            return nil
        }
        if let known { resume(known) }
    }

    /// As `wait(_:_:)`, for who can suspend.
    func wait(_ session: SessionID) async -> Bool {
        await withCheckedContinuation { continuation in wait(session) { continuation.resume(returning: $0) } }
    }

    /// A session gives its character back, or no longer waits for one; nothing happens if it does neither. Who waits
    /// gets it.
    func release(_ session: SessionID) {
        let (waiter, isGranted): (Waiter?, Bool) = state.withLock { state in
            guard let character = state.characters.removeValue(forKey: session),
                var holding = state.holdings[character]
            else { return (nil, false) }
            let waiter = holding.waiter
            guard holding.owner == session else {
                holding.waiter = nil
                state.holdings[character] = holding
                return (waiter, false)
            }
            state.holdings[character] = waiter.map { Holding(owner: $0.session) }
            return (waiter, true)
        }
        waiter?.resume?(isGranted)
    }
}
