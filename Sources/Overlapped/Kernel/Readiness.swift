// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import CLiburing

    /// The events of epoll(7) that a port looks at, in six bits.
    struct Readiness: OptionSet, Hashable, Sendable {
        let rawValue: UInt8

        static let readable = Readiness(rawValue: 1 << 0)
        static let urgent = Readiness(rawValue: 1 << 1)
        static let writable = Readiness(rawValue: 1 << 2)
        static let failed = Readiness(rawValue: 1 << 3)
        static let hungUp = Readiness(rawValue: 1 << 4)
        static let peerFinished = Readiness(rawValue: 1 << 5)

        private static let table: [(Int, Readiness, String)] = [
            (CL_EPOLL_IN, readable, "IN"), (CL_EPOLL_PRI, urgent, "PRI"), (CL_EPOLL_OUT, writable, "OUT"),
            (CL_EPOLL_ERR, failed, "ERR"), (CL_EPOLL_HUP, hungUp, "HUP"), (CL_EPOLL_RDHUP, peerFinished, "RDHUP"),
        ]

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(kernel events: UInt32) {
            var bits = Readiness()
            for (bit, readiness, _) in Self.table where events & UInt32(bit) != 0 { bits.insert(readiness) }
            self = bits
        }

        var text: String {
            Self.table.filter { contains($0.1) }.map(\.2).joined(separator: " ")
        }
    }
#endif
