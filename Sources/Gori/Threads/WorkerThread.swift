// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Overlapped

/// A thread with a name; the only place where a closure crosses threads.
struct WorkerThread: ~Copyable, @unchecked Sendable {
    private final class Start {
        let name: String
        let body: () -> Void
        init(name: String, _ body: @escaping () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let handle: pthread_t

    /// Starts a thread.
    ///
    /// - Parameter name: at most 15 bytes, as tools show it.
    init(name: String, _ body: sending @escaping () -> Void) {
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(name: name, body)).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                ThreadNames.set(start.name)
                start.body()
                return nil
            }, start)
        precondition(result == 0, "pthread_create: errno \(result)")
        handle = thread
    }

    /// Waits until the thread has ended.
    consuming func join() { pthread_join(handle, nil) }
}

/// A thread in an array, where `~Copyable` values cannot be.
final class WorkerThreadBox: @unchecked Sendable {
    private var thread: WorkerThread?

    init(_ thread: consuming WorkerThread) { self.thread = consume thread }

    func join() {
        guard let thread = thread.take() else { return }
        thread.join()
    }
}
