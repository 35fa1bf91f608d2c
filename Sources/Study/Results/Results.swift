// SPDX-License-Identifier: Apache-2.0

/// Everything that a run has found out, as `results.json` has it; reports are made of nothing else.
///
/// `docs/study-format.md` explains every field.
public struct Results: Codable, Sendable {
    /// The format that this program writes.
    public static let currentSchema = "gori-study-1"

    /// Which format this is.
    public var schema = Results.currentSchema
    /// The program's version.
    public var gori: String
    /// The git revision of the program's checkout; empty: not known.
    public var revision: String
    /// `release` or `debug`.
    public var build: String
    /// When the run began: UTC, as in RFC 3339.
    public var began: String
    /// How long it took.
    public var seconds = 0.0
    /// Whether somebody ended it early.
    public var wasInterrupted = false
    /// How it was measured.
    public var settings: StudySettings
    /// Where.
    public var machine: Machine
    /// What was compared.
    public var comparisons: [Comparison] = []
    /// What was to be compared and was not.
    public var omissions: [Omission] = []
    /// The servers of others that were to be compared; nil: none was asked for.
    public var peers: [PeerList.Peer]?
}

/// Two servers that took turns on one workload.
public struct Comparison: Codable, Sendable {
    /// What a comparison is for.
    public enum Kind: String, Codable, Sendable {
        /// One variant against itself: what noise looks like.
        case same = "a/a"
        /// io_uring and epoll as they are by default.
        case ports
        /// A variant and the default that it differs from.
        case variants
        /// A server of others and io_uring as it is by default.
        case peers
    }

    /// What it is for.
    public var kind: Kind
    /// The traffic.
    public var workload: Workload
    /// The name of the variant that the other is compared with.
    public var left: String
    /// The name of the variant that is compared.
    public var right: String
    /// What was seen of the left server when it had been measured.
    public var leftFacts = ServerFacts()
    /// What was seen of the right server.
    public var rightFacts = ServerFacts()
    /// Every measurement, in the order in which they were made.
    public var slices: [Slice] = []
    /// Why it ended before its time; nil: it did not.
    public var failure: String?
}

/// What a server is, apart from what it did.
public struct ServerFacts: Codable, Sendable, Equatable {
    /// Threads.
    public var threads = 0
    /// Open descriptors.
    public var descriptors = 0
    /// Resident memory in KiB.
    public var residentKiB = 0
    /// What it says it uses of the newer kernels, separated by spaces.
    public var features = ""
    /// Descriptors that an epoll set watches edge-triggered; nil in results of older programs.
    public var edgeTriggered: Int?
}

/// A comparison that was not made.
public struct Omission: Codable, Sendable {
    /// The workload's name.
    public var workload: String
    /// The name of the left variant.
    public var left: String
    /// The name of the right variant.
    public var right: String
    /// Why not.
    public var reason: String

}

extension Omission {
    init(_ pairing: StudyPlan.Pairing, reason: String) {
        self.init(
            workload: pairing.workload.name, left: pairing.left.name, right: pairing.right.name, reason: reason)
    }
}
