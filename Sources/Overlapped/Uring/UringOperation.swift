// SPDX-License-Identifier: Apache-2.0

/// The last byte of an io_uring `user_data`: which operation finished, and so which table its slot is in.
///
/// Raw constants instead of an enum, because the hot switch must not call a failable initialiser.
enum UringOperation {
    static let accept: UInt64 = 1
    static let receive: UInt64 = 2
    static let silentSend: UInt64 = 3
    static let trackedSend: UInt64 = 4
    static let close: UInt64 = 5
    static let cancel: UInt64 = 6
    static let cancelReceive: UInt64 = 11
    static let cancelSend: UInt64 = 12
    static let doorbell: UInt64 = 7
    static let doorbellRead: UInt64 = 8
    static let overlapped: UInt64 = 9
    /// A failed silent send that the settlement has handled already.
    static let settled: UInt64 = 10
    static let shutdown: UInt64 = 13
    static let reset: UInt64 = 14
    static let cancelAccept: UInt64 = 15
    /// Says nothing when it is done.
    static let filesUpdate: UInt64 = 16
    /// Result and notification; the key is that of a record of `ZeroCopySends`, not of a stream.
    static let zeroCopySend: UInt64 = 32
}
