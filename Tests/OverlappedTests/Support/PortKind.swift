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
    /// With rings and buffers so small that they are full all the time, and a kernel that refuses every third
    /// submission.
    case narrowUring(disabled: UringFeatures)
    /// io_uring used otherwise than by default, with sends of any size without a copy where that is how.
    case technique(PortTechniques)
    /// The same with narrow rings.
    case narrowTechnique(PortTechniques)

    /// io_uring with everything that the kernel has, as on Linux 6.1, with each feature switched off by itself, and
    /// with direct descriptors; epoll; and narrow rings.
    static let all: [PortKind] =
        roomy + [.narrowUring(disabled: []), .narrowUring(disabled: .all)]
        + memoryTechniques.map { .narrowTechnique($0) }
    /// With memory for everybody, for rules about how many turns something takes.
    static let roomy: [PortKind] =
        ends + UringFeatures.names.filter { $0.0 != .directDescriptors }.map { .uring(disabled: $0.0) }
        + memoryTechniques.map { .technique($0) }
    /// Techniques about memory that the kernel keeps for longer, or fills otherwise.
    private static let memoryTechniques: [PortTechniques] = [.zeroCopySend, .receiveBundles]
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
        case .narrowUring(let disabled):
            let features = try PortKind.found.get().subtracting(disabled)
            try rule.check { try PortKind.narrowPort($0, features) }
        case .technique(let techniques):
            let features = try PortKind.found.get()
            var sizes = UringSizes()
            sizes.zeroCopyThreshold = 1
            try rule.check { [sizes] in
                try UringPort(capacity: $0, features: features, techniques: techniques, sizes: sizes)
            }
        case .narrowTechnique(let techniques):
            let features = try PortKind.found.get()
            try rule.check { try PortKind.narrowPort($0, features, techniques) }
        }
    }

    private static func narrowPort(
        _ capacity: Int, _ features: UringFeatures, _ techniques: PortTechniques = []
    ) throws -> UringPort {
        var sizes = UringSizes()
        sizes.submissions = 8
        sizes.completions = 16
        sizes.buffers = 4
        sizes.zeroCopyThreshold = 1
        var port = try UringPort(capacity: capacity, features: features, techniques: techniques, sizes: sizes)
        port.refuseSubmits(every: 3)
        return port
    }

    var testDescription: String {
        switch self {
        case .uring(let disabled):
            disabled.isEmpty ? "uring" : disabled == .all ? "uring as on 6.1" : "uring without \(disabled)"
        case .epoll: "epoll"
        case .direct(let disabled):
            disabled.isEmpty ? "uring, direct descriptors" : "uring, direct descriptors, without \(disabled)"
        case .narrowUring(let disabled): disabled.isEmpty ? "narrow uring" : "narrow uring as on 6.1"
        case .technique(let techniques): "uring, \(techniques)"
        case .narrowTechnique(let techniques): "narrow uring, \(techniques)"
        }
    }
}
