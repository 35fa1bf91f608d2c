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
    /// In another way than by default, with all that the kernel has or without some of it.
    case uringWith(PortTechniques, disabled: UringFeatures = [])
    /// Both at once.
    case narrowUringWith(PortTechniques)
    case epollWith(PortTechniques)

    /// io_uring with everything that the kernel has, as on Linux 6.1, with each feature switched off by itself, and
    /// with direct descriptors; epoll; and narrow rings. At the quick level without those that differ from another in
    /// one feature or in how wide their rings are.
    static let all: [PortKind] =
        roomy + [.narrowUring(disabled: []), .narrowUring(disabled: .all)] + (TestLevel.isFull ? narrowWays : [])
    /// With memory for everybody, for rules about how many turns something takes.
    static let roomy: [PortKind] = ends + (TestLevel.isFull ? withoutOne : []) + otherWays
    private static let withoutOne: [PortKind] =
        UringFeatures.names.filter { $0.0 != .directDescriptors }.map { .uring(disabled: $0.0) }
    private static let narrowWays: [PortKind] = [
        .narrowUringWith(.oneShotReceive), .narrowUringWith(.eagerTaskRun), .narrowUringWith(.sendPerPacket),
        .narrowUringWith(.fixedWait), .narrowUringWith(.submissionPolling), .narrowUringWith(.zeroCopySend),
        .narrowUringWith(.receiveBundles),
    ]
    /// Every technique, and those whose code is another on older kernels there too.
    static let otherWays: [PortKind] = [
        .uringWith(.oneShotReceive), .uringWith(.oneShotReceive, disabled: .all), .uringWith(.eagerTaskRun),
        .uringWith(.sendPerPacket), .uringWith(.sendPerPacket, disabled: .silentSend), .uringWith(.fixedWait),
        .uringWith(.submissionPolling), .uringWith(.zeroCopySend), .uringWith(.receiveBundles),
        .uringWith([.submissionPolling, .sendPerPacket, .oneShotReceive]),
        .uringWith(.fixedWait, disabled: .all), .epollWith(.levelTriggered), .epollWith(.sendPerPacket),
    ]
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
        case .narrowUring(let disabled): try checkNarrow(rule, disabled, [])
        case .uringWith(let techniques, let disabled):
            let features = try PortKind.found.get().subtracting(disabled)
            var sizes = UringSizes()
            sizes.zeroCopyThreshold = 1
            try rule.check { [sizes] in
                try UringPort(capacity: $0, features: features, techniques: techniques, sizes: sizes)
            }
        case .narrowUringWith(let techniques): try checkNarrow(rule, [], techniques)
        case .epollWith(let techniques):
            try rule.check { try EpollPort(capacity: $0, techniques: techniques) }
        }
    }

    private func checkNarrow(
        _ rule: some PortRule, _ disabled: UringFeatures, _ techniques: PortTechniques
    ) throws {
        let features = try PortKind.found.get().subtracting(disabled)
        try rule.check { capacity in
            var sizes = UringSizes()
            sizes.submissions = 8
            sizes.completions = 16
            sizes.buffers = 4
            sizes.zeroCopyThreshold = 1
            var port = try UringPort(capacity: capacity, features: features, techniques: techniques, sizes: sizes)
            port.refuseSubmits(every: 3)
            return port
        }
    }

    var testDescription: String {
        switch self {
        case .uring(let disabled):
            disabled.isEmpty ? "uring" : disabled == .all ? "uring as on 6.1" : "uring without \(disabled)"
        case .epoll: "epoll"
        case .direct(let disabled):
            disabled.isEmpty ? "uring, direct descriptors" : "uring, direct descriptors, without \(disabled)"
        case .narrowUring(let disabled): disabled.isEmpty ? "narrow uring" : "narrow uring as on 6.1"
        case .uringWith(let techniques, let disabled):
            disabled.isEmpty ? "uring, \(techniques)" : "uring as on 6.1, \(techniques)"
        case .narrowUringWith(let techniques): "narrow uring, \(techniques)"
        case .epollWith(let techniques): "epoll, \(techniques)"
        }
    }
}
