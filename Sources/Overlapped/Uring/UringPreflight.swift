// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc

/// Finds out by doing what this kernel's io_uring can, on a loopback connection: version numbers say too little,
/// because fixes and refusals are back-ported. Takes about a millisecond; run once, before the workers start.
public enum UringPreflight {
    /// Tries everything.
    ///
    /// - Parameter disabled: features that are not to be used, whatever the kernel can.
    /// - Returns: what works and is not switched off.
    /// - Throws: `PortError` when io_uring is denied or older than Linux 6.1.
    public static func run(disabled: UringFeatures = []) throws(PortError) -> UringFeatures {
        var features: UringFeatures = []
        try requirePlainBuffers()
        for (feature, probe) in probes where !disabled.contains(feature) {
            if probe() { features.insert(feature) }
        }
        // A direct descriptor cannot be named by sendmsg(2), which is what there is without silent sends; and where
        // sends name descriptors, a table is not worth its entries.
        if !features.contains(.silentSend) { features.subtract([.directDescriptors, .registeredFiles]) }
        return features
    }

    private static let probes: [(UringFeatures, @Sendable () -> Bool)] = [
        (.incrementalBuffers, hasIncrementalBuffers), (.vectorizedSend, hasVectorizedSend),
        (.messageRing, hasMessageRing), (.receiveLimit, hasReceiveLimit), (.absoluteTimer, hasAbsoluteTimer),
        (.noIOWait, hasNoIOWait), (.silentSend, silentSendsBehave),
        (.directDescriptors, directDescriptorsBehave), (.registeredFiles, registeredFilesBehave),
    ]

    private static func requirePlainBuffers() throws(PortError) {
        var bench = try PreflightBench(incremental: false)
        let received = bench.exchange(bytes: [300], multishot: true, limit: 0).first
        if let code = bench.enterFailure { throw PortError(call: "io_uring_enter", code: code) }
        guard let received else {
            throw PortError(call: "io_uring multishot receive", code: EINVAL)
        }
        guard received.res == 300 else {
            throw PortError(call: "io_uring multishot receive", code: max(1, -received.res))
        }
    }

    private static func hasIncrementalBuffers() -> Bool {
        guard var bench = try? PreflightBench(incremental: true) else { return false }
        let received = bench.exchange(bytes: [300, 300], multishot: true, limit: 0)
        guard received.count == 2, received.allSatisfy({ $0.res == 300 }) else { return false }
        return received[0].flags >> 16 == received[1].flags >> 16
            && received.allSatisfy { $0.flags & UInt32(CL_CQE_F_BUF_MORE) != 0 }
    }

    private static func hasReceiveLimit() -> Bool {
        guard var bench = try? PreflightBench(incremental: false) else { return false }
        let received = bench.exchange(bytes: [100, 400], multishot: true, limit: 200)
        guard received.count == 2, received.map(\.res) == [100, 400] else { return false }
        return received[0].flags & UInt32(CL_CQE_F_MORE) != 0 && received[1].flags & UInt32(CL_CQE_F_MORE) == 0
    }

    private static func hasVectorizedSend() -> Bool {
        guard var bench = try? PreflightBench(incremental: false) else { return false }
        let first: [UInt8] = [1, 2, 3]
        let second: [UInt8] = [4, 5]
        return first.withUnsafeBytes { a in
            second.withUnsafeBytes { b in
                let list = [
                    iovec(iov_base: UnsafeMutableRawPointer(mutating: a.baseAddress), iov_len: a.count),
                    iovec(iov_base: UnsafeMutableRawPointer(mutating: b.baseAddress), iov_len: b.count),
                ]
                return list.withUnsafeBufferPointer { parts in
                    bench.submitSilentSend(UInt64(UInt(bitPattern: parts.baseAddress)), 2, vectorized: true)
                    return bench.completions().isEmpty && bench.peerReads(5) == [1, 2, 3, 4, 5]
                }
            }
        }
    }

    private static func hasMessageRing() -> Bool {
        guard var bench = try? PreflightBench(incremental: false) else { return false }
        Doorbell(mechanism: .ring(bench.ring.descriptor)).ring()
        return bench.completions().contains { $0.user_data == UringOperation.doorbell }
    }

    private static func hasAbsoluteTimer() -> Bool {
        guard var bench = try? PreflightBench(incremental: false) else { return false }
        return bench.waitUntil(nanoseconds: 1) == -ETIME
    }

    private static func hasNoIOWait() -> Bool {
        guard let bench = try? PreflightBench(incremental: false) else { return false }
        return bench.ring.features & UInt32(CL_FEATURE_NO_IOWAIT) != 0
    }

    /// A send that fits says nothing, one that fits in part says how much, one into a full socket EAGAIN; and the
    /// bytes arrive as they were.
    private static func silentSendsBehave() -> Bool {
        guard var bench = try? PreflightBench(incremental: false) else { return false }
        bench.shrinkSendBuffer()
        let large = [UInt8](repeating: 7, count: 4 << 20)
        return large.withUnsafeBytes { bytes in
            let address = UInt64(UInt(bitPattern: bytes.baseAddress))
            bench.submitSilentSend(address, 16, vectorized: false)
            guard bench.completions().isEmpty else { return false }
            bench.submitSilentSend(address, UInt32(bytes.count), vectorized: false)
            guard let short = bench.completions().first, short.res > 0, short.res < bytes.count else { return false }
            // The peer's buffer grows while it takes what fits, so the socket is full only after some more.
            for _ in 0..<1_000 {
                bench.submitSilentSend(address, UInt32(bytes.count), vectorized: false)
                guard let next = bench.completions().first else { return false }
                if next.res > 0 { continue }
                return next.res == -EAGAIN && bench.peerReads(16) == [UInt8](repeating: 7, count: 16)
            }
            return false
        }
    }

    /// A socket that the ring holds receives, sends in silence and ends its direction.
    private static func directDescriptorsBehave() -> Bool {
        guard var bench = try? PreflightBench(incremental: false), bench.makeDirect() else { return false }
        guard bench.exchange(bytes: [100], multishot: true, limit: 0).map(\.res) == [100] else { return false }
        let bytes: [UInt8] = [1, 2, 3]
        let isHeard = bytes.withUnsafeBytes {
            bench.submitSilentSend(UInt64(UInt(bitPattern: $0.baseAddress)), 3, vectorized: false)
            return bench.completions().isEmpty && bench.peerReads(3) == bytes
        }
        return isHeard && bench.shutsDown() && bench.peerReadsEnd()
    }

    /// A socket that lies in the table beside its descriptor sends in silence, and its peer hears of its end when both
    /// are gone, whatever else is in flight.
    private static func registeredFilesBehave() -> Bool {
        guard var bench = try? PreflightBench(incremental: false), bench.makeTable(), bench.register(at: 3) else {
            return false
        }
        guard bench.exchange(bytes: [100], multishot: true, limit: 0).map(\.res) == [100] else { return false }
        return bench.otherEndsWhileThisReceives(at: 1)
    }
}
