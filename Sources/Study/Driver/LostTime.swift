// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc
internal import Overlapped

/// For how long server or load were ready and somebody else had their processor.
///
/// The kernel counts how long a thread was ready and did not run. Of a server with many threads on one processor that
/// says nothing: they wait for each other. Then it is the processor's time that was neither idle nor the server's.
struct LostTime {
    /// A moment, in nanoseconds that mean something only beside another.
    struct Reading {
        fileprivate var waited: UInt64
        fileprivate var idle: UInt64
        fileprivate var time: UInt64
        fileprivate var server: UInt64
    }

    private let order: LoadOrder

    init(_ order: LoadOrder) { self.order = order }

    /// - Parameters:
    ///   - time: by `Clock.now`.
    ///   - server: the server's processor time.
    func read(at time: UInt64, server: UInt64) -> Reading {
        let threaded = order.sharedCore.flatMap(Self.idleNanoseconds)
        let processes = threaded == nil ? [order.server, getpid()] : [getpid()]
        return Reading(
            waited: ProcessFacts.nanosecondsWithoutCore(of: processes), idle: threaded ?? 0, time: time, server: server)
    }

    /// Nanoseconds between two readings.
    func between(_ first: Reading, _ last: Reading) -> UInt64 {
        let waited = last.waited &- first.waited
        guard order.sharedCore != nil, last.idle > 0 else { return waited }
        let used = (last.idle &- first.idle) &+ (last.server &- first.server)
        let passed = last.time &- first.time
        return waited &+ (passed > used ? passed - used : 0)
    }

    /// For how long a processor has been idle, in steps of 10 ms (proc_stat(5)); nil: not known.
    static func idleNanoseconds(of processor: Int) -> UInt64? {
        for line in (ProcFile.text("/proc/stat") ?? "").split(separator: "\n") where line.hasPrefix("cpu\(processor) ")
        {
            let ticks = line.split(separator: " ").dropFirst().compactMap { UInt64($0) }
            guard ticks.count > 4 else { return nil }
            // Idle, and idle while a disk was waited for.
            return (ticks[3] &+ ticks[4]) &* (1_000_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK)))))
        }
        return nil
    }
}
