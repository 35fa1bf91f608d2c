// SPDX-License-Identifier: Apache-2.0

internal import Load

/// How bots choose their next tile.
enum Walk {
    private static let directions: [8 of (dx: Int, dy: Int)] = [
        (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1),
    ]

    /// A walk without aim: one of the eight neighbouring tiles in the area, each as likely as the others; the tile
    /// itself where the area has no other.
    static func neighbour(
        ofX x: UInt16, y: UInt16, within area: Area, _ random: inout SplitMix64
    ) -> (x: UInt16, y: UInt16) {
        let first = random.below(8)
        for turn in 0..<8 {
            let step = directions[(first + turn) & 7]
            let column = Int(x) + step.dx
            let row = Int(y) + step.dy
            guard column >= 0, row >= 0 else { continue }
            let tile = (x: UInt16(clamping: column), y: UInt16(clamping: row))
            if area.contains(tile.x, tile.y), tile != (x, y) { return tile }
        }
        return (x, y)
    }

    /// The tile that is one step nearer to an area, the shortest way; the tile itself inside.
    static func nearer(toArea area: Area, x: UInt16, y: UInt16) -> (x: UInt16, y: UInt16) {
        (nearer(x, area.left, area.right), nearer(y, area.top, area.bottom))
    }

    private static func nearer(_ place: UInt16, _ first: UInt16, _ last: UInt16) -> UInt16 {
        place < first ? place &+ 1 : place > last ? place &- 1 : place
    }
}
