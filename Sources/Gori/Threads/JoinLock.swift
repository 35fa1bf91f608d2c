// SPDX-License-Identifier: Apache-2.0

internal import Platform

/// A lock around a wait of any length, taken when a server stops and nowhere else.
final class JoinLock: Sendable {
    private let mutex = Lock<Void>(())

    func withLock(_ body: () -> Void) { mutex.withLock { _ in body() } }
}
