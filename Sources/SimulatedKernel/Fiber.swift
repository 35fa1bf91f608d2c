// SPDX-License-Identifier: Apache-2.0

internal import CFiber

/// A simulated thread: runs until it waits for something, and goes on when the machine says so.
final class Fiber {
    /// What it waits for.
    enum Wait {
        /// Nothing: it may run at any time.
        case nothing
        /// A ring or an event set has something, or the time has come.
        case source(any Waitable, deadline: UInt64)
    }

    private static let stackSize = 1 << 20

    private var handle: OpaquePointer?
    private let body: () -> Void
    @exclusivity(unchecked) var wait = Wait.nothing
    @exclusivity(unchecked) private(set) var hasEnded = false

    init(_ body: @escaping () -> Void) {
        self.body = body
        let argument = Unmanaged.passUnretained(self).toOpaque()
        handle = cf_make(
            Self.stackSize,
            { argument in
                guard let argument else { return }
                Unmanaged<Fiber>.fromOpaque(argument).takeUnretainedValue().body()
            }, argument)
        precondition(handle != nil, "no memory for a fiber")
    }

    deinit { cf_free(handle) }

    /// Runs it until it gives way.
    func resume() { hasEnded = cf_resume(handle) != 0 }

    /// Called inside.
    func giveWay() { cf_give_way(handle) }
}

/// What a thread can wait on.
protocol Waitable: AnyObject {
    /// Whether there is something to come back for.
    var isReady: Bool { get }
}
