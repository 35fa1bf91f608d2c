// SPDX-License-Identifier: Apache-2.0

/// A rectangle of tiles in which bots walk; its borders belong to it.
struct Area: Equatable {
    let left: UInt16
    let top: UInt16
    let right: UInt16
    let bottom: UInt16

    /// A map of so many tiles.
    static func map(width: UInt16, height: UInt16) -> Area {
        Area(left: 0, top: 0, right: max(width, 1) &- 1, bottom: max(height, 1) &- 1)
    }

    /// The square of a side in the middle of a map, as far as the map goes: where `gori serve --spawn-area SIDE` lets
    /// players appear.
    static func square(side: UInt16, inMiddleOfWidth width: UInt16, height: UInt16) -> Area {
        let columns = middle(of: width, side)
        let rows = middle(of: height, side)
        return Area(left: columns.first, top: rows.first, right: columns.last, bottom: rows.last)
    }

    private static func middle(of length: UInt16, _ side: UInt16) -> (first: UInt16, last: UInt16) {
        let room = max(min(side, length), 1)
        let first = (max(length, room) &- room) / 2
        return (first, first &+ (room &- 1))
    }

    func contains(_ x: UInt16, _ y: UInt16) -> Bool { x >= left && x <= right && y >= top && y <= bottom }

    /// Steps from a tile to the nearest one of the area, where a step goes to any of the eight neighbours.
    func distance(fromX x: UInt16, y: UInt16) -> Int {
        max(Int(left) - Int(x), Int(x) - Int(right), Int(top) - Int(y), Int(y) - Int(bottom), 0)
    }
}
