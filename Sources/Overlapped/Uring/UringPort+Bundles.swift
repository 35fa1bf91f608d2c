// SPDX-License-Identifier: Apache-2.0

internal import CLiburing
internal import Glibc
internal import Platform

/// What of a completion for several buffers has not been handed out.
struct ReceiveBundle {
    /// Bytes.
    var rest = 0
    var key = CompletionKey(userData: 0)
    /// Of the next buffer in the ring.
    var position: UInt16 = 0
    /// Whether the receive has ended with it.
    var isLast = false
}

/// Bundles, with `PortTechniques.receiveBundles` (io_uring_prep_recv(3), IORING_RECVSEND_BUNDLE, Linux 6.10): one
/// completion for bytes in several plain buffers, which the kernel takes in the order in which they were given to it.
///
/// A completion names the first buffer and the bytes in all; the others follow it in the ring. Each is handed out as a
/// slice of its own, and counts as used up only then: what a caller leaves for a later turn stays where it is. A bundle
/// that empties the ring ends its receive although it has brought bytes, so it is armed again like one that has reached
/// its limit, and parked if it still finds no buffer.
///
/// Experimental: kernels before 6.15 have been seen to tell of bundles in another order than that in which they took
/// the buffers, and some cut an entry of the ring down. Neither matters here, because the place of the first buffer is
/// looked up and the ring says how long each entry is.
extension UringPort {
    mutating func completeBundle(_ key: CompletionKey, _ result: Int32, _ flags: UInt32) -> Completion? {
        let position = buffers.position(flags: flags)
        bundle = ReceiveBundle(
            rest: Int(result), key: key, position: position, isLast: flags & UInt32(CL_CQE_F_MORE) == 0)
        guard let stream = find(key) else {
            counts.pointee.stale &+= 1
            return nextPiece()
        }
        if bundle.isLast { endReceive(stream, hasBytes: true) }
        if bundle.rest > buffers.bufferSize { counts.pointee.receiveBundles &+= 1 }
        return nextPiece()
    }

    /// The next piece that somebody is to be told of; nil at the end of the bundle.
    mutating func nextPiece() -> Completion? {
        while bundle.rest > 0 {
            let slice = buffers.takePiece(at: bundle.position, rest: bundle.rest)
            bundle.position &+= 1
            bundle.rest &-= Int(slice.count)
            guard let stream = find(bundle.key) else { continue }
            let isLast = bundle.isLast && bundle.rest == 0
            if let completion = received(stream, bundle.key, slice, isLast: isLast) { return completion }
        }
        return nil
    }

    /// Receives a bundle on a loopback connection.
    static func requireBundles() throws(PortError) {
        var bench = try PreflightBench(incremental: false)
        let code = bench.receivesBundle(20_000)
        guard code == 0 else {
            throw PortError(
                call: "io_uring receive bundle", code: code,
                explanation: "one completion for several buffers needs Linux 6.10: go without receive-bundles")
        }
    }
}
