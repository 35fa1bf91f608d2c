// SPDX-License-Identifier: Apache-2.0

/// What `gori doctor` has found, as it is written to JSON: `docs/deploy/README.md` explains every field.
struct Findings: Encodable {
    var gori: String
    var kernel: Kernel
    var processors: Int
    @Explicit var container: String?
    /// What was asked for with `--io`.
    var asked: String
    /// What a server takes; nil when it cannot run.
    @Explicit var port: String?
    var reason: String
    @Explicit var refusal: Refusal?
    var features: [Feature]
    var limits: [Limit]
    /// What to change, in order of weight.
    var advice: [String]
    /// Why no server can run; nil when one can.
    @Explicit var obstacle: String?
    var canRun: Bool

    /// The kernel, and what of it concerns io_uring.
    struct Kernel: Encodable {
        var release: String
        var machine: String
        @Explicit var ioUringDisabled: Int?
        var seccompFilter: Bool
    }

    /// Why io_uring is not used.
    struct Refusal: Encodable {
        var cause: String
        var call: String
        var errno: Int32
        var error: String
        var text: String
        var remedy: String
    }

    /// A kernel feature that has a fallback.
    struct Feature: Encodable {
        /// What became of it.
        enum State: String, Encodable {
            case used
            case missing
            case off
            /// epoll serves.
            case unused
        }

        var name: String
        var since: String
        var state: State
        var gives: String
    }

    /// A number that somebody can raise.
    struct Limit: Encodable {
        var name: String
        var unit: String
        /// nil: unlimited.
        @Explicit var soft: Int?
        @Explicit var hard: Int?
        var needed: Int
        var enough: Bool
        @Explicit var fix: String?
    }
}

/// A value that is written as null where there is none, so that every key is always there.
@propertyWrapper struct Explicit<Value: Encodable>: Encodable {
    var wrappedValue: Value?

    init(wrappedValue value: Value?) { wrappedValue = value }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}
