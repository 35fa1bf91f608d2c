// SPDX-License-Identifier: Apache-2.0

internal import Gori
internal import Storage
internal import World

/// What one worker knows of the players of its sessions: which characters they are, where they stand, and which of them
/// are leaving. It hands positions on to be saved, and gives a character back when it has left the world.
///
/// One thread has it, the worker's. It learns of positions from frames: what it keeps is what players have been told.
final class PlayerKeeper {
    private struct Player {
        let session: SessionID
        let character: UInt64
        var tile: Tile?
        /// Its tile has changed since it was handed on.
        var isDirty = false
        /// The tick in which it leaves the world; 0: it stays.
        var leavesIn: UInt64 = 0
    }

    private let accounts: AccountService
    private let claims: CharacterClaims
    private let worker: UInt8
    private var players: [Player] = []
    private var free: [UInt32] = []
    private var places: IndexTable
    private var dirty: [UInt32] = []
    private var leaving: [UInt32] = []

    /// - Parameter capacity: players for which memory is taken at once; more are served by growing.
    init(worker: Int, accounts: AccountService, claims: CharacterClaims, capacity: Int = 1_024) {
        self.worker = UInt8(truncatingIfNeeded: worker)
        self.accounts = accounts
        self.claims = claims
        places = IndexTable(capacity: capacity)
        players.reserveCapacity(capacity)
        dirty.reserveCapacity(capacity)
    }

    /// How many players there are, leaving ones included.
    var count: Int { places.count }

    /// A session brings its character into the world.
    func enter(_ session: UInt64, character: UInt64) {
        let player = Player(session: SessionID(rawValue: session), character: character)
        guard places[session] == IndexTable.none else { return }
        if let index = free.popLast() {
            players[Int(index)] = player
            places.set(session, to: index)
        } else {
            places.set(session, to: UInt32(truncatingIfNeeded: players.count))
            players.append(player)
        }
    }

    /// A session takes its character out of the world in a tick; only the first such tick counts.
    func leave(_ session: UInt64, in tick: UInt64) {
        let index = places[session]
        guard index != IndexTable.none, players[Int(index)].leavesIn == 0 else { return }
        players[Int(index)].leavesIn = tick
        leaving.append(index)
    }

    /// A session has ended: one that did not come into the world gives back what it claimed. What its player was told
    /// last is handed on at once, since no further tick may come.
    func close(_ session: UInt64) {
        let index = places[session]
        guard index != IndexTable.none else { return claims.release(SessionID(rawValue: session)) }
        if let position = takePosition(index) { accounts.keep([position]) }
    }

    /// Notes where the players of this worker's sessions stand.
    func note(_ frame: Frame) {
        for place in frame.places where UInt8(truncatingIfNeeded: place.session >> 56) == worker {
            let index = places[place.session]
            guard index != IndexTable.none else { continue }
            players[Int(index)].tile = place.tile
            if !players[Int(index)].isDirty {
                players[Int(index)].isDirty = true
                dirty.append(index)
            }
        }
    }

    /// Every frame of a tick has been noted: who left in it is saved and gives its character back.
    func delivered(_ tick: UInt64) {
        guard !leaving.isEmpty else { return }
        let gone = leaving.filter { players[Int($0)].leavesIn <= tick }
        guard !gone.isEmpty else { return }
        leaving.removeAll { players[Int($0)].leavesIn <= tick }
        let positions = gone.compactMap { takePosition($0) }
        // Before anybody else gets the character: who comes next asks where it is.
        accounts.keep(positions)
        accounts.flush()
        for index in gone {
            let session = players[Int(index)].session
            places.remove(session.rawValue)
            free.append(index)
            claims.release(session)
        }
    }

    /// Hands on where everybody stands who has moved since the last time.
    func handOn() {
        guard !dirty.isEmpty else { return }
        accounts.keep(dirty.compactMap { takePosition($0) })
        dirty.removeAll(keepingCapacity: true)
    }

    /// A player's position, which then counts as handed on; nil when it does already.
    private func takePosition(_ index: UInt32) -> StoredPosition? {
        let player = players[Int(index)]
        guard let tile = player.tile, player.isDirty else { return nil }
        players[Int(index)].isDirty = false
        return StoredPosition(character: player.character, x: tile.x, y: tile.y)
    }
}
