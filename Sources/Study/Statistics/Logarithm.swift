// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// Distances of ratios from 1, the same for a factor and its inverse.
enum Logarithm {
    /// The factor above 1 that has this distance.
    static func factor(_ distance: Double) -> Double { exp(distance) }
}
