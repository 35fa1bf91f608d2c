// SPDX-License-Identifier: Apache-2.0

public import Overlapped

/// A way to do the same work: a configuration of the engine, chosen when the server starts.
public struct Variant: Sendable {
    /// The counter that shows that a variant is in force, and not only asked for.
    public enum Evidence: Sendable {
        /// System calls for each message.
        case systemCalls
        /// Completions for each message.
        case completions
        /// Completions for each system call.
        case completionsPerCall
        /// Submissions for each message.
        case submissions
        /// Sends for each message.
        case sends
        /// Threads of the server, those of the kernel for it included.
        case threads
        /// Descriptors watched edge-triggered.
        case edgeTriggered
        /// Open descriptors of the server.
        case descriptors
        /// Sends without a copy for each message.
        case zeroCopySends
        /// Completions for bytes in several receive buffers, for each message.
        case receiveBundles
        /// What the server says, having tried, that it uses of the kernel: nothing that is counted changes.
        case features
    }

    /// By which results name it; unique.
    public let name: String
    /// What stands in the report.
    public let title: Text
    /// What it is, in a sentence.
    public let meaning: Text
    /// Options of `gori echo`.
    public let arguments: [String]
    /// The variant that it is compared with; nil for those that others are compared with.
    public let base: String?
    /// What shows that it is in force.
    public let evidence: Evidence
    /// Kernel features without which it is the same as its base.
    public let needs: UringFeatures
    /// Processors without which its figures are reported and not judged.
    public let leastProcessors: Int
    /// The workloads that can show a difference, by name.
    public let workloads: [String]
    /// Those of them that the short run measures.
    public let quickWorkloads: [String]
    /// The server of others that it is; nil: it is one of ours.
    var peer: PeerList.Peer?

    init(
        _ name: String, _ title: Text, _ meaning: Text, _ arguments: [String], base: String? = nil,
        evidence: Evidence = .systemCalls, needs: UringFeatures = [], leastProcessors: Int = 1,
        workloads: [String] = [],
        quick: [String] = []
    ) {
        self.name = name
        self.title = title
        self.meaning = meaning
        self.arguments = arguments
        self.base = base
        self.evidence = evidence
        self.needs = needs
        self.leastProcessors = leastProcessors
        self.workloads = workloads
        quickWorkloads = quick
    }

    /// Whether a server of it has a thread for each connection, and no engine.
    var hasThreadPerConnection: Bool { arguments.contains("--thread-per-connection") }

    /// Whether it needs io_uring.
    var usesUring: Bool { peer?.needsUring ?? arguments.contains("uring") }
}
