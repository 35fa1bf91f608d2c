// SPDX-License-Identifier: Apache-2.0

#if DEBUG
    internal import Glibc

    /// Faults that a debug build can be told to have, so that tests can show that somebody notices. Not compiled into a
    /// release.
    enum Faults {
        /// GORI_DROP_EVERY=N: every N-th packet of a worker is lost before its handler.
        private static let dropEvery: UInt64 = getenv("GORI_DROP_EVERY").flatMap { UInt64(String(cString: $0)) } ?? 0

        /// Whether the packet with this number is lost.
        static func dropsPacket(_ number: UInt64) -> Bool { dropEvery > 0 && number % dropEvery == 0 }
    }
#endif
