// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Keys and values in memory, for all workers.
///
/// A game keeps what it owns on one worker and sends messages there. Clients of this protocol expect every key on every
/// connection at once, so keys are spread over parts with a lock each, and workers seldom meet at one.
final class KeyValueStore: Sendable {
    private static let partCount = 64
    private let parts = (0..<partCount).map { _ in Part() }

    private final class Part: Sendable {
        let values = Mutex<[[UInt8]: [UInt8]]>([:])
    }

    func value(of key: [UInt8]) -> [UInt8]? { part(of: key).values.withLock { $0[key] } }

    func set(_ key: [UInt8], to value: [UInt8]) { part(of: key).values.withLock { $0[key] = value } }

    /// - Returns: whether it was there.
    func remove(_ key: [UInt8]) -> Bool { part(of: key).values.withLock { $0.removeValue(forKey: key) != nil } }

    private func part(of key: [UInt8]) -> Part { parts[Int(truncatingIfNeeded: key.hashValue) & (Self.partCount - 1)] }
}
