// SPDX-License-Identifier: Apache-2.0

import Overlapped

typealias AnyPort = CompletionPort & SendableMetatype & ~Copyable

/// A port in the hands of a row: turns with a deadline, and a limit to how long anything may take.
struct Bench<P: AnyPort>: ~Copyable {
    var port: P
    private let end: UInt64

    init(_ port: consuming P, seconds: Int = 20) throws {
        self.port = port
        end = MonotonicClock.now() + UInt64(seconds) * 1_000_000_000
        try self.port.open()
    }

    /// One turn; every completion with the bytes that it brought.
    mutating func turn(
        _ milliseconds: Int = 0, _ take: (Completion, UnsafeRawBufferPointer) throws -> Void = { _, _ in }
    ) throws {
        try begin(milliseconds)
        while let (completion, bytes) = next() { try take(completion, bytes) }
    }

    /// The first half of a turn, for rows that touch the port between completions.
    mutating func begin(_ milliseconds: Int = 0) throws {
        let now = MonotonicClock.now()
        try require(now < end, "stuck")
        try port.wait(until: now + UInt64(milliseconds) * 1_000_000)
    }

    mutating func next() -> (Completion, UnsafeRawBufferPointer)? {
        guard let completion = port.next() else { return nil }
        guard completion.kind == .received else { return (completion, UnsafeRawBufferPointer(start: nil, count: 0)) }
        return (completion, port.bytes(of: completion.slice))
    }
}
