// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Work that waits, on a thread of its own: the threads of Swift tasks are few, and tests block them.
final class OnThread<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let done = DispatchSemaphore(value: 0)

    init(_ body: @escaping @Sendable () -> Value) {
        Thread.detachNewThread { [self] in
            let result = body()
            value.withLock { $0 = result }
            done.signal()
        }
    }

    /// Waits for the end; nil after 30 seconds.
    func result() -> Value? {
        guard done.wait(timeout: .now() + 30) == .success else { return nil }
        return value.withLock { $0 }
    }
}
