// SPDX-License-Identifier: Apache-2.0

@_spi(Measuring) internal import Overlapped

/// User data in words, for a trace that people read.
enum OperationText {
    /// The last byte says which operation; the table is that of the ring's port.
    private static let names = [
        "?", "accept", "receive", "silent send", "tracked send", "close", "cancel", "doorbell", "read of the doorbell",
        "operation", "settled", "cancel of receive", "cancel of send", "shutdown", "disconnect",
        "cancel of accept",
    ]

    static func describe(_ userData: UInt64) -> String {
        let operation = Int(userData & 0xFF)
        let name = operation < names.count ? names[operation] : "?"
        let key = CompletionKey(userData: userData)
        return "\(name) of \(key.slot).\(key.generation)"
    }
}
