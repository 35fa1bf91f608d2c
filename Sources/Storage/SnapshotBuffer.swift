// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// Positions that are still to be saved: the last of each character, so that it never holds more than there are
/// characters, however long the database does not answer. May be used from any thread.
public final class SnapshotBuffer: Sendable {
    private struct State {
        var waiting: [UInt64: StoredPosition] = [:]
        /// Taken by whoever saves them, and not saved yet.
        var taken: [UInt64: StoredPosition] = [:]
    }

    private let state = Lock(State())

    /// Makes an empty one.
    public init() {}

    /// Takes positions in; of each character the last wins.
    public func keep(_ positions: [StoredPosition]) {
        guard !positions.isEmpty else { return }
        state.withLock { state in
            for position in positions { state.waiting[position.character] = position }
        }
    }

    /// The position of a character that has not been saved yet.
    public func position(of character: UInt64) -> StoredPosition? {
        state.withLock { $0.waiting[character] ?? $0.taken[character] }
    }

    /// How many characters have something to be saved.
    public var count: Int { state.withLock { $0.waiting.count + $0.taken.count } }

    /// Hands everything to `save`, once. What that throws leaves everything here for the next time, without taking the
    /// place of what has come since.
    ///
    /// - Precondition: one thread at a time.
    /// - Returns: how many positions were saved.
    @discardableResult
    public func drain(_ save: ([StoredPosition]) throws(StorageError) -> Void) throws(StorageError) -> Int {
        let positions = state.withLock { state in
            precondition(state.taken.isEmpty, "two save at a time")
            swap(&state.taken, &state.waiting)
            return Array(state.taken.values)
        }
        guard !positions.isEmpty else { return 0 }
        do throws(StorageError) {
            try save(positions)
        } catch {
            state.withLock { state in
                state.waiting.merge(state.taken) { newer, _ in newer }
                state.taken = [:]
            }
            throw error
        }
        state.withLock { $0.taken = [:] }
        return positions.count
    }
}
