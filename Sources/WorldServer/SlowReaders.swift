// SPDX-License-Identifier: Apache-2.0

internal import World

/// The sessions of one worker whose clients do not read as fast as the world goes on.
///
/// What waits for a client is old by the time it reads it. So the world is asked to tell it of nothing any more
/// (`Command.What.hush`) as soon as more waits than `highWater`, and of everything once less waits than a quarter of
/// that. A client that does not come so far within `patience` is lost.
struct SlowReaders: ~Copyable {
    /// How long a client may take to read what waits for it, in nanoseconds.
    static let patience: UInt64 = 15_000_000_000

    /// What is to be done about a session.
    enum Verdict {
        /// It has read: it is told of everything again.
        case refresh
        /// It has not read for too long.
        case end
    }

    private struct Reader {
        let session: UInt64
        let since: UInt64
    }

    /// Bytes above which a session is hushed.
    let highWater: Int
    private var readers: [Reader] = []
    private var places = IndexTable(capacity: 64)

    init(highWater: Int) { self.highWater = highWater }

    /// How many there are.
    var count: Int { readers.count }

    /// A session has more waiting than the mark.
    ///
    /// - Returns: whether that is news.
    mutating func add(_ session: UInt64, now: UInt64) -> Bool {
        guard places[session] == IndexTable.none else { return false }
        places.set(session, to: UInt32(truncatingIfNeeded: readers.count))
        readers.append(Reader(session: session, since: now))
        return true
    }

    /// A session is no longer one of them.
    mutating func remove(_ session: UInt64) {
        let place = places[session]
        guard place != IndexTable.none, let last = readers.popLast() else { return }
        places.remove(session)
        guard last.session != session else { return }
        readers[Int(place)] = last
        places.set(last.session, to: place)
    }

    /// Looks at all of them, and forgets those about whom something is done, or of whom nothing is known any more.
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
            if bytes <= highWater / 4 {
                remove(reader.session)
                act(reader.session, .refresh)
            } else if now - reader.since >= Self.patience {
                remove(reader.session)
                act(reader.session, .end)
            }
        }
    }
}
