// SPDX-License-Identifier: Apache-2.0

import Overlapped
import Testing

/// A port under test; its name crosses threads in the tests of two ports.
typealias TestedPort = CompletionPort & SendableMetatype & ~Copyable

/// Something that every completion port must do.
protocol PortRule {
    /// Checks it on ports made by `make`, each for so many streams.
    func check<P: TestedPort>(_ make: @escaping @Sendable (Int) throws -> P) throws
}

/// A port to check, as an argument of the conformance suite. A new port is one case and one line of `check`.
enum PortKind: Sendable, CustomTestStringConvertible {
    case uring(disabled: UringFeatures)
    case epoll
    /// io_uring whose sockets lie in the ring's own table.
    case direct(disabled: UringFeatures)

    /// io_uring with everything that the kernel has, as on Linux 6.1, with each feature switched off by itself, and
    /// with direct descriptors; and epoll.
    static let all: [PortKind] =
        ends + UringFeatures.names.filter { $0.0 != .directDescriptors }.map { .uring(disabled: $0.0) }
    /// Those that differ most, for rules that take long. Direct descriptors with all that the kernel has, and with no
    /// more than they need.
    static let ends: [PortKind] = [
        .uring(disabled: []), .uring(disabled: .all), .epoll, .direct(disabled: []),
        .direct(disabled: .all.subtracting([.silentSend, .directDescriptors])),
    ]

    private static let found = Result { try UringPreflight.run() }

    func check(_ rule: some PortRule) throws {
        switch self {
        case .uring(let disabled):
            let features = try PortKind.found.get().subtracting(disabled)
            try rule.check { try UringPort(capacity: $0, features: features) }
        case .epoll:
            try rule.check { try EpollPort(capacity: $0) }
        case .direct(let disabled):
            let features = try PortKind.found.get().subtracting(disabled)
            try rule.check { try UringPort(capacity: $0, features: features, directDescriptors: true) }
        }
    }

    var testDescription: String {
        switch self {
        case .uring(let disabled):
            disabled.isEmpty ? "uring" : disabled == .all ? "uring as on 6.1" : "uring without \(disabled)"
        case .epoll: "epoll"
        case .direct(let disabled):
            disabled.isEmpty ? "uring, direct descriptors" : "uring, direct descriptors, without \(disabled)"
        }
    }
}
