// SPDX-License-Identifier: Apache-2.0

/// Which completion port serves, and why: decided once, before the workers start. Pure values; any thread.
public struct PortSelection: Sendable {
    /// What serves.
    public let port: PortEngine
    /// What an io_uring port uses of the newer kernels; empty with epoll.
    public let features: UringFeatures
    /// One line, for a log: why this port.
    public let reason: String
    /// Why io_uring is not used although it was not ruled out; nil when it is used, or was not to be.
    public let refusal: UringRefusal?
    private let preference: PortPreference

    /// Decides by doing: tries io_uring on a loopback connection unless epoll is asked for. Takes about a millisecond,
    /// and less than 100 when io_uring is refused.
    ///
    /// - Parameters:
    ///   - preference: `.auto` never fails; `.epoll` makes no io_uring call at all.
    ///   - disabled: io_uring features that are not to be used.
    /// - Throws: `PortError` with cause and remedy when the preference is `.uring` and io_uring does not work.
    public static func select(
        _ preference: PortPreference, disabled: UringFeatures = []
    ) throws(PortError) -> PortSelection {
        try select(
            preference, surroundings: { .here() },
            probe: { () throws(PortError) in
                try UringPreflight.run(disabled: disabled)
            })
    }

    static func select(
        _ preference: PortPreference, surroundings: () -> UringSurroundings,
        probe: () throws(PortError) -> UringFeatures
    ) throws(PortError) -> PortSelection {
        guard preference != .epoll else {
            return PortSelection(
                port: .epoll, features: [], reason: "epoll, as asked for", refusal: nil, preference: preference)
        }
        do throws(PortError) {
            let reason = preference == .uring ? "io_uring, as asked for" : "io_uring, which works here"
            return PortSelection(
                port: .uring, features: try probe(), reason: reason, refusal: nil, preference: preference)
        } catch {
            return try refused(error, preference, surroundings())
        }
    }

    /// What to do when the ring of a worker cannot be made although the trial went well, as when each user's locked
    /// memory is used up by the third of four rings: with `.auto` serve over epoll.
    ///
    /// - Throws: `PortError` with cause and remedy when the preference is `.uring`.
    public func fallingBack(after error: PortError) throws(PortError) -> PortSelection {
        try Self.refused(error, preference, .here())
    }

    private static func refused(
        _ error: PortError, _ preference: PortPreference, _ surroundings: UringSurroundings
    ) throws(PortError) -> PortSelection {
        let refusal = UringRefusal(error, in: surroundings)
        guard preference == .auto else { throw refusal.error }
        return PortSelection(
            port: .epoll, features: [], reason: "epoll, because \(refusal)", refusal: refusal, preference: preference)
    }
}
