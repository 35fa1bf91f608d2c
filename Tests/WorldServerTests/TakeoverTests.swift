// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import WorldServer

/// Logins, logouts, ends and takeovers in every order.
@Suite struct TakeoverTests {
    @Test(
        "whatever the order, no character is in the world twice, and each comes back to where it left",
        arguments: [1, 2, 3])
    func race(workers: Int) async throws {
        let run = try TakeoverRun(seed: UInt64(workers), workers: workers, characters: 3)
        let wanted = TestLevel.isFull ? 10_000 : 1_000
        var steps = 0
        while run.takeovers < wanted || run.entrances < wanted / 4 {
            try await run.step()
            steps += 1
            guard steps < 100 * wanted else { break }
        }
        #expect(run.takeovers >= wanted && run.entrances >= wanted / 4)
        try await run.finish()
        #expect(run.claims.count == 0 && run.claims.sessionCount == 0 && run.kept == 0)
    }
}
