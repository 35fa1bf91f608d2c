// SPDX-License-Identifier: Apache-2.0

internal import Overlapped
internal import Platform

/// How many sessions each address has, over all workers. Looked at when a connection comes and goes, never in between,
/// so a lock is cheap enough.
final class AddressLimit: Sendable {
    private struct Place: Hashable {
        let worker: Int
        let slot: Int
    }

    private struct State {
        var counts: [[UInt8]: Int] = [:]
        var places: [Place: [UInt8]] = [:]
    }

    private let limit: Int
    private let state = Lock(State())

    init(limit: Int) { self.limit = limit }

    /// Counts one more session of an address, unless it has its share.
    func admit(_ address: SocketAddress) -> Bool {
        state.withLock { state in
            let count = state.counts[address.bytes, default: 0]
            guard count < limit else { return false }
            state.counts[address.bytes] = count + 1
            return true
        }
    }

    /// Ties a counted session to its slot.
    func remember(_ address: SocketAddress, slot: Int, worker: Int) {
        state.withLock { $0.places[Place(worker: worker, slot: slot)] = address.bytes }
    }

    /// One session of an address less.
    func release(_ address: SocketAddress) { state.withLock { Self.release(address.bytes, &$0) } }

    /// The session of a slot has closed.
    func release(slot: Int, worker: Int) {
        state.withLock { state in
            guard let bytes = state.places.removeValue(forKey: Place(worker: worker, slot: slot)) else { return }
            Self.release(bytes, &state)
        }
    }

    private static func release(_ bytes: [UInt8], _ state: inout State) {
        guard let count = state.counts[bytes] else { return }
        state.counts[bytes] = count > 1 ? count - 1 : nil
    }
}
