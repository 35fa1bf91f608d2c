// SPDX-License-Identifier: Apache-2.0

internal import Platform
internal import Wire

/// What the output of turns lies in until it has been sent and settled: what sessions were sent themselves, and the
/// logs of groups.
///
/// As a rule that is one turn, and everything is free in the next. While sessions wait for their slice of the flush two
/// ages are told apart: the older is free when all who stood in the queue at its end have been flushed; what comes
/// meanwhile belongs to the younger.
struct OutputMemory: ~Copyable {
    /// The last turn whose output is settled: whatever sends named in it may be changed.
    private(set) var settledTurn: UInt64 = 0
    private var hasOlder = false
    /// Blocks of groups' logs that the turn's sends may name.
    var logs = Column<UnsafeMutableRawBufferPointer>(capacity: 1_024)
    /// Where the turn's private output is written.
    var arena = TurnArena()

    private var olderArena = TurnArena()
    private var olderLogs = Column<UnsafeMutableRawBufferPointer>()
    private var olderEnd = FlushQueue.Mark()
    private var olderTurn: UInt64 = 0

    /// The sends of the last turn are settled. Gives back what no session that waits can name.
    ///
    /// - Parameter turn: the last one.
    @inline(__always)
    mutating func settle(_ waiting: borrowing FlushQueue, turn: UInt64, pool: inout BlockPool) {
        guard waiting.isEmpty, !hasOlder else { return settleInPart(waiting, turn: turn, pool: &pool) }
        releaseYounger(turn: turn, pool: &pool)
    }

    @inline(__always)
    private mutating func releaseYounger(turn: UInt64, pool: inout BlockPool) {
        arena.reset(pool: &pool)
        for block in logs.view { pool.giveBack(block) }
        logs.removeAll()
        settledTurn = turn
    }

    private mutating func settleInPart(_ waiting: borrowing FlushQueue, turn: UInt64, pool: inout BlockPool) {
        if hasOlder {
            guard waiting.hasPassed(olderEnd) else { return }
            releaseOlder(pool: &pool)
        }
        guard !waiting.isEmpty else { return releaseYounger(turn: turn, pool: &pool) }
        swap(&arena, &olderArena)
        swap(&logs, &olderLogs)
        olderEnd = waiting.end
        olderTurn = turn
        hasOlder = true
    }

    private mutating func releaseOlder(pool: inout BlockPool) {
        olderArena.release(pool: &pool)
        for block in olderLogs.view { pool.giveBack(block) }
        olderLogs.removeAll()
        settledTurn = olderTurn
        hasOlder = false
    }

    /// Gives everything back, for a worker that goes.
    mutating func release(pool: inout BlockPool) {
        releaseOlder(pool: &pool)
        releaseYounger(turn: settledTurn, pool: &pool)
        arena.release(pool: &pool)
    }
}
