// SPDX-License-Identifier: Apache-2.0

internal import Load

/// A walk without aim: one of the eight neighbouring tiles, each as likely as the others, as far as the map goes.
enum Walk {
    private static let directions: [8 of (dx: Int, dy: Int)] = [
        (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1),
    ]

    /// A random neighbour on the map; the tile itself where the map has no other.
    static func neighbour(
        ofX x: UInt16, y: UInt16, width: UInt16, height: UInt16, _ random: inout SplitMix64
    ) -> (x: UInt16, y: UInt16) {
        let first = random.below(8)
        for turn in 0..<8 {
            let step = directions[(first + turn) & 7]
            let column = Int(x) + step.dx
            let row = Int(y) + step.dy
            if column >= 0, column < Int(width), row >= 0, row < Int(height) {
                return (UInt16(truncatingIfNeeded: column), UInt16(truncatingIfNeeded: row))
            }
        }
        return (x, y)
    }
}
