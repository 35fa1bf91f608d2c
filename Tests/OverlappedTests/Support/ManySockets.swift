// SPDX-License-Identifier: Apache-2.0

import Testing

/// Holds a test that opens a thousand sockets and more back until no other such test runs: all tests share one
/// process, and its limit of open files.
struct ManySockets: TestTrait, TestScoping {
    /// Lets one in at a time, in the order in which they came.
    private actor Gate {
        private var isTaken = false
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func enter() async {
            guard isTaken else {
                isTaken = true
                return
            }
            await withCheckedContinuation { waiting.append($0) }
        }

        func leave() {
            guard !waiting.isEmpty else {
                isTaken = false
                return
            }
            waiting.removeFirst().resume()
        }
    }

    private static let gate = Gate()

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        await Self.gate.enter()
        let result: Result<Void, any Error>
        do { result = .success(try await function()) } catch { result = .failure(error) }
        await Self.gate.leave()
        try result.get()
    }
}

extension Trait where Self == ManySockets {
    /// For tests of a thousand sockets and more.
    static var manySockets: Self { Self() }
}
