// SPDX-License-Identifier: Apache-2.0

#if DEBUG || GORI_FAULTS
    internal import Foundation

    /// Faults that a debug build, or one with `-Xswiftc -DGORI_FAULTS`, can be told to have by its environment. Not
    /// compiled into a release.
    enum StorageFaults {
        /// `GORI_SLOW_QUERIES=N`: every visit to a database takes N milliseconds longer.
        private static let slowness: Int = {
            guard let text = getenv("GORI_SLOW_QUERIES").map({ String(cString: $0) }) else { return 0 }
            guard let milliseconds = Int(text), (0...3_600_000).contains(milliseconds) else {
                preconditionFailure("GORI_SLOW_QUERIES is not understood: \(text)")
            }
            return milliseconds
        }()

        /// Blocks for as long as a query is to take longer.
        static func slow() {
            guard slowness > 0 else { return }
            Thread.sleep(forTimeInterval: Double(slowness) / 1_000)
        }
    }
#endif
