// SPDX-License-Identifier: Apache-2.0

import Glibc
import Simulation
import Testing

/// Some seeds in debug, and seeds that have failed once; `make simulate` runs the many.
@Suite("Seeds")
struct SeedTests {
    private static let isQuick = getenv("GORI_TEST_LEVEL").map { String(cString: $0) } == "quick"

    @Test("seeds are clean, large enough, and the same twice", arguments: UInt64(1)...(isQuick ? 3 : 12))
    func clean(seed: UInt64) {
        let outcome = Simulation(seed: seed).run()
        #expect(outcome.failure == nil, "make simulate SEED=\(seed)")
        #expect(outcome.completions >= 5_000)
        guard seed % 3 == 0 else { return }
        #expect(Simulation(seed: seed).run().digest == outcome.digest)
    }
}
