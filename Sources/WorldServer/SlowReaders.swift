// SPDX-License-Identifier: Apache-2.0

internal import World

/// The sessions of one worker whose clients do not read as fast as the world goes on.
///
/// What waits for a client is old by the time it reads it. So the world is asked to tell it of nothing any more
/// (`Command.What.hush`) as soon as more waits than `highWater`, and of everything once less waits than a quarter of
/// that. A client that does not come so far within `patience` is lost.
///
/// In a crowd being told of everything may be more than the mark by itself. That is no reason to hush a client again,
/// or it would go round and round: until it has read, it may have twice as much waiting as when it was told.
struct SlowReaders: ~Copyable {
    /// How long a client may take to read what waits for it, in nanoseconds.
    static let patience: UInt64 = 15_000_000_000
    /// By when a refreshed client has been told of everything, in nanoseconds: some ticks.
    static let refreshTime: UInt64 = 1_000_000_000

    /// What is to be done about a session.
    enum Verdict {
        /// It has read: it is told of everything again.
        case refresh
        /// It has not read for too long.
        case end
    }

    private struct Reader {
        let session: UInt64
        /// When it was hushed, or refreshed.
        var since: UInt64
        var isHushed = true
        /// Bytes above which it is hushed again; 0: it has not been told of everything yet.
        var mark = 0
    }

    /// Bytes above which a session is hushed.
    let highWater: Int
    private var readers: [Reader] = []
    private var places = IndexTable(capacity: 64)
    /// How many are told of nothing.
    private(set) var hushedCount = 0

    init(highWater: Int) { self.highWater = highWater }

    /// How many there are, with those who have been refreshed and not read yet.
    var count: Int { readers.count }

    /// A session has more waiting than `highWater`.
    ///
    /// - Returns: whether it is to be hushed.
    mutating func add(_ session: UInt64, waiting: Int, now: UInt64) -> Bool {
        let place = places[session]
        guard place != IndexTable.none else {
            places.set(session, to: UInt32(truncatingIfNeeded: readers.count))
            readers.append(Reader(session: session, since: now))
            hushedCount += 1
            return true
        }
        let reader = readers[Int(place)]
        guard !reader.isHushed else { return false }
        guard reader.mark > 0 else {
            readers[Int(place)].mark = 2 * waiting
            return false
        }
        guard waiting > reader.mark else { return false }
        readers[Int(place)] = Reader(session: session, since: now)
        hushedCount += 1
        return true
    }

    /// A session is no longer one of them.
    mutating func remove(_ session: UInt64) {
        let place = places[session]
        guard place != IndexTable.none, let last = readers.last else { return }
        if readers[Int(place)].isHushed { hushedCount -= 1 }
        readers.removeLast()
        places.remove(session)
        guard last.session != session else { return }
        readers[Int(place)] = last
        places.set(last.session, to: place)
    }

    /// Looks at all of them, and forgets those who have read after a refresh, who are to be ended, or of whom nothing
    /// is known any more.
    ///
    /// - Parameters:
    ///   - waiting: bytes that wait for a session; nil when it has ended.
    ///   - act: takes a session and what is to be done about it.
    mutating func look(now: UInt64, waiting: (UInt64) -> Int?, act: (UInt64, Verdict) -> Void) {
        var index = readers.count
        while index > 0 {
            // Who takes the place of one that is removed has been looked at.
            index -= 1
            let reader = readers[index]
            guard let bytes = waiting(reader.session) else {
                remove(reader.session)
                continue
            }
            let hasRead = bytes <= highWater / 4
            guard reader.isHushed else {
                let isTold = reader.mark > 0 || now - reader.since >= Self.refreshTime
                if hasRead, isTold { remove(reader.session) }
                continue
            }
            if hasRead {
                readers[index].isHushed = false
                readers[index].since = now
                hushedCount -= 1
                act(reader.session, .refresh)
            } else if now - reader.since >= Self.patience {
                remove(reader.session)
                act(reader.session, .end)
            }
        }
    }
}
