// SPDX-License-Identifier: Apache-2.0

/// The delay as the stress test of the game-server course shows it: one number in milliseconds that every answer moves
/// by one, up when it took longer and down when it took less, never below 0.
///
/// It settles where as many answers are above it as below, so it follows the median, slowly; percentiles say more.
public struct CourseEstimator: Sendable, BitwiseCopyable {
    /// The estimate in milliseconds.
    public private(set) var milliseconds = 0

    /// Starts at 0.
    public init() {}

    /// Takes one answer's delay into account.
    public mutating func record(microseconds: UInt64) {
        let sample = Int(clamping: microseconds / 1_000)
        if sample > milliseconds {
            milliseconds += 1
        } else if sample < milliseconds {
            milliseconds -= 1
        }
    }
}
