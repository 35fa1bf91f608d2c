// SPDX-License-Identifier: Apache-2.0

/// Other ways to use the kernel than a port's default, chosen when it is made: what a comparison compares.
///
/// Each is whole and correct on its port (the conformance suite runs over every one), and none is the default because
/// none was measured to be better for a game server in general; `docs/study.md` says by how much and where.
public struct PortTechniques: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt32

    /// Makes a set of its bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// io_uring: each receive is a submission of its own instead of one that brings data until it ends.
    public static let oneShotReceive = PortTechniques(rawValue: 1 << 0)
    /// io_uring: completions are prepared where the kernel interrupts, instead of in the worker's own wait
    /// (`IORING_SETUP_DEFER_TASKRUN`).
    public static let eagerTaskRun = PortTechniques(rawValue: 1 << 1)
    /// io_uring: a thread of the kernel takes submissions (`IORING_SETUP_SQPOLL`).
    public static let submissionPolling = PortTechniques(rawValue: 1 << 2)
    /// io_uring: large sends name pages instead of copying them (`IORING_OP_SENDMSG_ZC`).
    public static let zeroCopySend = PortTechniques(rawValue: 1 << 3)
    /// io_uring, experimental: one completion for bytes in several buffers (`IORING_RECVSEND_BUNDLE`).
    public static let receiveBundles = PortTechniques(rawValue: 1 << 4)
    /// io_uring: a wait for a number of completions, for a bounded time, instead of for one.
    public static let fixedWait = PortTechniques(rawValue: 1 << 5)
    /// epoll: told again for as long as there is something to read.
    public static let levelTriggered = PortTechniques(rawValue: 1 << 6)
    /// Both: each packet is a send of its own instead of one for each session and turn.
    public static let sendPerPacket = PortTechniques(rawValue: 1 << 7)

    /// What a port over io_uring can do.
    public static let uring: PortTechniques = [
        .oneShotReceive, .eagerTaskRun, .submissionPolling, .zeroCopySend, .receiveBundles, .fixedWait, .sendPerPacket,
    ]
    /// What a port over epoll can do.
    public static let epoll: PortTechniques = [.levelTriggered, .sendPerPacket]

    /// Those of a port.
    public static func known(to port: PortEngine) -> PortTechniques { port == .uring ? uring : epoll }

    /// Every technique with the name by which it is chosen, in the order of the bits.
    public static let names: [(PortTechniques, String)] = [
        (.oneShotReceive, "one-shot-receive"), (.eagerTaskRun, "eager-task-run"),
        (.submissionPolling, "submission-polling"), (.zeroCopySend, "zero-copy-send"),
        (.receiveBundles, "receive-bundles"), (.fixedWait, "fixed-wait"), (.levelTriggered, "level-triggered"),
        (.sendPerPacket, "send-per-packet"),
    ]

    /// Reads a list of names separated by commas.
    ///
    /// - Returns: nil when a name is unknown.
    public init?(names list: String) {
        var techniques: PortTechniques = []
        for name in list.split(separator: ",") {
            guard let known = Self.names.first(where: { $0.1 == name }) else { return nil }
            techniques.formUnion(known.0)
        }
        self = techniques
    }
}

extension PortTechniques: CustomStringConvertible {
    /// The names, separated by spaces.
    public var description: String {
        Self.names.filter { contains($0.0) }.map(\.1).joined(separator: " ")
    }
}
